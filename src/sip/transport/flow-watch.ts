import type { Clock, Timer } from '../../base/index.ts';
import { TransportError } from './errors.ts';
import type { SourceGuard } from './source-guard.ts';
import type { StreamFlow } from './stream-flow.ts';

/** How often connections are looked at: the error of all the limits below, ms. */
const SWEEP_MS = 5_000;
/** A connection must deliver its first message, and complete each one it begins, within this. */
const MESSAGE_TIMEOUT_MS = 30_000;
/** Phones without keepalives refresh their registration within this. */
const IDLE_TIMEOUT_MS = 2 * 3_600_000;
/** Whoever has proved nothing keeps a place among the connections no longer; a call of his opens another one. */
const STRANGER_IDLE_MS = 600_000;
/** Overlay connections are pinged after this much silence, and closed when nothing comes back. */
const PEER_IDLE_MS = 30_000;
const PONG_TIMEOUT_MS = 10_000;

/** Closes connections that stall, and pings those to other peers; one timer for all of them. */
export class FlowWatch {
  readonly #clock: Clock;
  readonly #flows: ReadonlySet<StreamFlow>;
  readonly #guard: SourceGuard | undefined;
  #timer: Timer | undefined;

  constructor(deps: { clock: Clock; flows: ReadonlySet<StreamFlow>; guard: SourceGuard | undefined }) {
    this.#clock = deps.clock;
    this.#flows = deps.flows;
    this.#guard = deps.guard;
  }

  /** Runs while there are connections. */
  start(): void {
    this.#timer ??= this.#clock.setTimer(SWEEP_MS, () => {
      this.#timer = undefined;
      const now = this.#clock.monotonic();
      for (const flow of [...this.#flows]) this.#check(flow, now);
      if (this.#flows.size > 0) this.start();
    });
  }

  stop(): void {
    this.#timer?.close();
    this.#timer = undefined;
  }

  #check(flow: StreamFlow, now: number): void {
    const silentMs = now - flow.lastReceivedAt;
    if (flow.incompleteSince !== undefined && now - flow.incompleteSince >= MESSAGE_TIMEOUT_MS) flow.close();
    else if (flow.peer !== undefined) this.#checkPeer(flow, now, silentMs);
    else if (flow.messages === 0 ? silentMs >= MESSAGE_TIMEOUT_MS : this.#isIdle(flow, silentMs))
      flow.close();
  }

  #isIdle({ maxSilenceMs, listener, remote }: StreamFlow, silentMs: number): boolean {
    if (silentMs >= (maxSilenceMs ?? IDLE_TIMEOUT_MS)) return true;
    // Connections that we opened are to whom we chose.
    if (silentMs < STRANGER_IDLE_MS || listener === undefined) return false;
    return this.#guard?.isStranger(remote.host) === true;
  }

  #checkPeer(flow: StreamFlow, now: number, silentMs: number): void {
    if (flow.pingedAt !== undefined) {
      if (now - flow.pingedAt < PONG_TIMEOUT_MS) return;
      flow.close(new TransportError('keepalive-timeout', 'the peer does not answer', { origin: 'remote' }));
    } else if (silentMs >= PEER_IDLE_MS) {
      flow.ping();
    }
  }
}
