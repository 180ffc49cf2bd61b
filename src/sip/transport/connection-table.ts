import {
  type Address,
  type Clock,
  type Connection,
  type Counter,
  formatAddress,
  type Gauge,
  type Metrics,
  originOf,
} from '../../base/index.ts';
import type { OverloadControl } from '../overload/overload-control.ts';
import type { TransportName } from './flow.ts';
import { FlowWatch } from './flow-watch.ts';
import { IdleStrangers } from './idle-strangers.ts';
import type { MessageIntake } from './intake.ts';
import { QueuedBytes } from './queued-bytes.ts';
import type { SourceGuard } from './source-guard.ts';
import { StreamFlow, type StreamFlowOptions } from './stream-flow.ts';
import { UnfinishedBytes } from './unfinished-bytes.ts';

export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerHost: number;
}

/** All connections: their bounds, their watch, and where to find one to re-use. */
export class ConnectionTable {
  readonly #intake: MessageIntake;
  readonly #overload: OverloadControl | undefined;
  readonly #now: () => number;
  readonly #watch: FlowWatch;
  readonly #idle: IdleStrangers;
  readonly #limits: ConnectionLimits;
  readonly #unfinished = new UnfinishedBytes();
  readonly #queued = new QueuedBytes();
  readonly #flows = new Set<StreamFlow>();
  readonly #perHost = new Map<string, number>();
  readonly #byRemote = new Map<string, StreamFlow>();
  readonly #open: Gauge;
  readonly #refused: Counter;
  readonly #evicted: Counter;

  constructor(
    deps: {
      clock: Clock;
      metrics: Metrics;
      intake: MessageIntake;
      guard: SourceGuard | undefined;
      overload: OverloadControl | undefined;
    },
    limits: ConnectionLimits,
  ) {
    this.#intake = deps.intake;
    this.#overload = deps.overload;
    this.#now = () => deps.clock.monotonic();
    this.#limits = limits;
    this.#watch = new FlowWatch({ clock: deps.clock, flows: this.#flows, guard: deps.guard });
    this.#idle = new IdleStrangers({ flows: this.#flows, guard: deps.guard });
    this.#open = deps.metrics.gauge('sip_connections', 'Open SIP connections');
    this.#refused = deps.metrics.counter('sip_connections_refused_total', 'SIP connections over our bounds');
    this.#evicted = deps.metrics.counter(
      'sip_connections_evicted_total',
      'Idle connections of strangers closed to make room',
    );
  }

  get size(): number {
    return this.#flows.size;
  }

  /** Whether one more connection from this host is within the bounds, at the cost of idle strangers; refusals are counted. */
  admits(host: string): boolean {
    const { maxConnectionsPerHost } = this.#limits;
    const admitted = (this.#perHost.get(host) ?? 0) < maxConnectionsPerHost && this.#hasRoom();
    if (!admitted) this.#refused.inc();
    return admitted;
  }

  /**
   * An open connection to this address (RFC 3261 §18.1.1: RECOMMENDED to be re-used).
   * @param name the host that was asked for. Where that is the address itself, as in the Contact of a server in a dialog,
   *   a connection opened for whatever name will do.
   */
  find(transport: TransportName, address: Address, name?: string): StreamFlow | undefined {
    return this.#byRemote.get(remoteKey(transport, address, name));
  }

  /** Takes a connection over until it closes. Those of overlay peers are not found by their address. */
  add(connection: Connection, options: StreamFlowOptions): StreamFlow {
    const bounds = { unfinished: this.#unfinished, queued: this.#queued };
    const shared = { intake: this.#intake, overload: this.#overload, now: this.#now };
    const flow = new StreamFlow({ connection, ...shared, ...bounds }, options);
    const { host } = flow.remote;
    const keys = new Set([
      remoteKey(flow.transport, flow.remote, options.name),
      remoteKey(flow.transport, flow.remote),
    ]);
    this.#flows.add(flow);
    this.#perHost.set(host, (this.#perHost.get(host) ?? 0) + 1);
    if (flow.peer === undefined) for (const key of keys) this.#byRemote.set(key, flow);
    this.#open.set(this.#flows.size);
    this.#watch.start();
    flow.closed.on(() => this.#forget(flow, host, keys));
    return flow;
  }

  /** Closes what this source opened at once; connections that we opened, and those of overlay peers, stay. */
  closeFrom(source: string): void {
    for (const flow of [...this.#flows]) {
      if (flow.listener !== undefined && originOf(flow.remote.host) === source) flow.close();
    }
  }

  /** Closes all connections after what they have queued. */
  stop(): void {
    this.#watch.stop();
    for (const flow of [...this.#flows]) flow.end();
  }

  #hasRoom(): boolean {
    const { maxConnections } = this.#limits;
    if (this.#flows.size < maxConnections) return true;
    this.#evicted.inc(this.#idle.close(this.#now()));
    return this.#flows.size < maxConnections;
  }

  #forget(flow: StreamFlow, host: string, keys: ReadonlySet<string>): void {
    this.#flows.delete(flow);
    this.#open.set(this.#flows.size);
    const left = (this.#perHost.get(host) ?? 1) - 1;
    if (left > 0) this.#perHost.set(host, left);
    else this.#perHost.delete(host);
    for (const key of keys) if (this.#byRemote.get(key) === flow) this.#byRemote.delete(key);
  }
}

/**
 * Names a remote address within a transport. Over TLS what was proved for one name says nothing of another
 * (RFC 5923 §8.1).
 */
export function remoteKey(transport: TransportName, address: Address, name = address.host): string {
  const place = `${transport} ${formatAddress(address)}`;
  return transport !== 'TLS' || name === address.host ? place : `${place} ${name}`;
}
