import type { Logger } from '../base/index.ts';
import type { PeerAdmin } from './admin/peer-admin.ts';
import type { GatewayConfig, LogConfig } from './config/gateway-config.ts';
import type { LoadedConfig } from './config/load-config.ts';
import type { LogTail } from './logging/log-tail.ts';
import type { PrometheusMetrics } from './metrics/prometheus-metrics.ts';

/** One peer that stands: joined (or first in) its overlay, SIP ports open. */
export interface RunningGateway {
  /** `ready node=<hex> overlay=<name> sip=<uri,...> admin=<url>` */
  readonly readyLine: string;
  readonly nodeId: string;
  /** Where overlay links are accepted, with the ports really bound: `tls://127.0.0.1:6084`. */
  readonly overlayUris: readonly string[];
  /** Where phones reach us: `sip:127.0.0.1:5060;transport=udp`; empty without SIP. */
  readonly sipUris: readonly string[];
  readonly adminUrl?: string;
  readonly admin: PeerAdmin;
  /** Resolves, with the reason, when the peer meets something it cannot go on after (its Node-ID used twice). */
  readonly failed: Promise<Error>;
  /** Withdraws our records, leaves the overlay, closes everything. Never rejects. */
  stop(): Promise<void>;
}

export interface GatewayDeps {
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  /** What the logger has written lately, for the console. */
  readonly logTail?: LogTail | undefined;
  /** Where the configuration can be read again; without it, it cannot. */
  readonly reloading?: {
    /** @throws ConfigError */
    load(): LoadedConfig;
    setLogLevel(level: LogConfig['level']): void;
  };
  /** Aborted when the operator wants the peer gone before it stands. */
  readonly signal?: AbortSignal;
}

/**
 * Builds and starts one peer. Rejects when it cannot stand, with everything closed again; a CodedError whose code is
 * 'address-in-use', 'address-unavailable', 'data-in-use', 'node-id-conflict' is the operator's to mend (see `cli/start-error.ts`).
 */
export type ComposeGateway = (config: GatewayConfig, deps: GatewayDeps) => Promise<RunningGateway>;

/** The one line on stdout that scripts and units wait for (architecture, "The command line"). */
export function formatReadyLine(peer: {
  nodeId: string;
  overlayName: string;
  sipUris: readonly string[];
  adminUrl?: string | undefined;
}): string {
  return `ready node=${peer.nodeId} overlay=${peer.overlayName} sip=${peer.sipUris.join(',')} admin=${peer.adminUrl ?? ''}`;
}
