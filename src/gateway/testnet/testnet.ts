import { type Clock, CodedError, type Logger, sleep } from '../../base/index.ts';
import type { LogTail } from '../logging/log-tail.ts';
import { PrometheusMetrics } from '../metrics/prometheus-metrics.ts';
import type { ComposeGateway, RunningGateway } from '../running-gateway.ts';
import { findRingFault } from './ring-check.ts';
import { type TestnetOptions, testnetDefaults, testnetPeerConfig, testnetUsers } from './testnet-config.ts';

/** How long the ring may take to become whole once all have joined. */
const SETTLE_MS = 60_000;
const POLL_MS = 50;

export interface TestnetDeps {
  readonly compose: ComposeGateway;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What it has written lately: of all peers. */
  readonly logTail?: LogTail | undefined;
  /** Aborted: no further peer is started. */
  readonly signal?: AbortSignal;
}

/** N peers in this process that stand. */
export interface Testnet {
  /** In the order in which they joined; the gateways first. */
  readonly peers: readonly RunningGateway[];
  stop(): Promise<void>;
}

/**
 * Starts N peers on loopback and waits until each peer's successor is the next Node-ID: the one call behind
 * `p2psip testnet`, the tests, and the examples in the docs.
 * @param onJoined called with the number of peers that stand, after each
 * @throws whatever keeps a peer from standing, all others stopped again; CodedError 'ring-broken' when the ring does
 * not become whole within a minute
 */
export async function startTestnet(
  deps: TestnetDeps,
  options: Partial<TestnetOptions> = {},
  onJoined: (joined: number) => void = () => {},
): Promise<Testnet> {
  const whole = { ...testnetDefaults, ...options };
  const users = testnetUsers(whole);
  const peers: RunningGateway[] = [];
  const stop = async () => {
    await Promise.all(peers.map((peer) => peer.stop()));
  };
  try {
    for (let index = 0; index < whole.peers; index++) {
      deps.signal?.throwIfAborted();
      const bootstrap = peers[0]?.overlayUris[0];
      const config = testnetPeerConfig(whole, index, {
        users,
        ...(bootstrap !== undefined && { bootstrap }),
      });
      const logger = deps.logger.child({ peer: index + 1 });
      const { logTail } = deps;
      peers.push(await deps.compose(config, { logger, logTail, metrics: new PrometheusMetrics() }));
      onJoined(peers.length);
    }
    await untilWhole(peers, deps);
  } catch (error) {
    await stop();
    throw error;
  }
  return { peers, stop };
}

async function untilWhole(peers: readonly RunningGateway[], { clock, signal }: TestnetDeps): Promise<void> {
  const deadline = clock.monotonic() + SETTLE_MS;
  for (;;) {
    const fault = findRingFault(peers.map(({ admin }) => admin.ring()));
    if (fault === undefined) return;
    if (clock.monotonic() > deadline) throw new CodedError('ring-broken', fault);
    await sleep(clock, POLL_MS, signal);
  }
}
