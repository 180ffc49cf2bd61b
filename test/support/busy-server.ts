import { type Clock, type Logger, silentLogger } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { OverloadControl } from '../../src/sip/overload/overload-control.ts';
import { Precedence } from '../../src/sip/overload/precedence.ts';
import { CountingMetrics } from './counting-metrics.ts';
import { sipRequest } from './sip-transactions.ts';

/** What messages cost, ms of the server's time, about as measured; so a call costs 1 ms. */
const COST = { unread: 0.016, ignored: 0.015, refused: 0.025, request: 0.35, other: 0.1 } as const;
/** Messages that the kernel keeps; further ones are lost. */
const KERNEL_QUEUE = 4_000;
const PER_TURN = 32;
/** When a client sends an INVITE again (RFC 3261 §17.1.1.2), ms after the first. */
const REPEATS = [500, 1_500, 3_500];
/** Responses, and an ACK, of a call until its BYE, ms after the INVITE was taken. */
const REST_OF_CALL = [1, 30, 31, 32, 33];
const BYE_AFTER_MS = 40;

const REQUESTS = {
  INVITE: sipRequest('INVITE'),
  REGISTER: sipRequest('REGISTER'),
  BYE: sipRequest('BYE', { to: '<sip:b@example.org>;tag=2' }),
};
type Method = keyof typeof REQUESTS;
const DATAGRAMS = {
  INVITE: REQUESTS.INVITE.encode(),
  REGISTER: REQUESTS.REGISTER.encode(),
  BYE: REQUESTS.BYE.encode(),
};

/** What became of the requests of one load. */
export interface Outcome {
  sent: number;
  /** Calls until the answer to their BYE, registrations. */
  served: number;
  refused: number;
  /** Of the requests within dialogs. */
  byesRefused: number;
}

interface Message {
  readonly method: Method | 'other';
  readonly source: string;
  readonly outcome: Outcome | undefined;
  /** How often it was sent before. */
  readonly attempt: number;
}

export interface Load {
  readonly method: 'INVITE' | 'REGISTER';
  readonly perSecond: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the n-th request. */
  readonly source: (n: number) => string;
  /** Sends nothing but the first message, whatever comes of it. */
  readonly isDeaf?: boolean;
}

/** Messages by the ms at which they reach the server. */
class Wire {
  readonly #due = new Map<number, Message[]>();
  #handedOut = -1;

  put(atMs: number, message: Message): void {
    const at = Math.max(Math.floor(atMs), this.#handedOut + 1);
    const list = this.#due.get(at);
    if (list === undefined) this.#due.set(at, [message]);
    else list.push(message);
  }

  *until(nowMs: number): Generator<Message> {
    for (; this.#handedOut < Math.floor(nowMs); ) {
      this.#handedOut += 1;
      yield* this.#due.get(this.#handedOut) ?? [];
      this.#due.delete(this.#handedOut);
    }
  }
}

/** A server for which everything takes its time, with a kernel's queue before it, on a virtual clock. */
export class BusyServer {
  readonly metrics = new CountingMetrics();
  readonly log: string[] = [];
  readonly control: OverloadControl;
  readonly #clock = new VirtualClock();
  readonly #random = new SeededRandom(1);
  readonly #wire = new Wire();
  readonly #queue: Message[] = [];
  readonly #turnEnds: (() => void)[] = [];

  constructor({ isStranger = () => false }: { isStranger?: (host: string) => boolean } = {}) {
    const clock: Clock = {
      now: () => this.#clock.now(),
      monotonic: () => this.#clock.monotonic(),
      setTimer: (delayMs, callback) => this.#clock.setTimer(delayMs, callback),
      afterTurn: (callback) => void this.#turnEnds.push(callback),
    };
    const logger: Logger = { ...silentLogger, warn: (text) => void this.log.push(text) };
    const deps = { clock, logger, random: this.#random, metrics: this.metrics };
    this.control = new OverloadControl({ ...deps, isStranger, precedence: new Precedence() });
  }

  /** Puts a load on the wire, with the chance of a Poisson process for each ms. */
  load({ method, perSecond, fromMs, toMs, source, isDeaf = false }: Load): Outcome {
    const outcome: Outcome = { sent: 0, served: 0, refused: 0, byesRefused: 0 };
    for (let at = fromMs; ; ) {
      at += (-Math.log(1 - this.#random.float()) * 1000) / perSecond;
      if (at >= toMs) return outcome;
      const from = source(outcome.sent++);
      this.#wire.put(at, { method, source: from, outcome: isDeaf ? undefined : outcome, attempt: 0 });
    }
  }

  /** The machine does something else for so long. */
  async stall(ms: number): Promise<void> {
    await this.#clock.advance(ms);
  }

  async runUntil(ms: number): Promise<void> {
    while (this.#clock.monotonic() < ms) {
      this.#receive();
      const turn = this.#queue.splice(0, PER_TURN);
      const cost = turn.reduce((sum, message) => sum + this.#handle(message), 0);
      await this.#clock.advance(turn.length === 0 ? 1 : cost);
      for (const end of this.#turnEnds.splice(0)) end();
    }
  }

  #receive(): void {
    for (const message of this.#wire.until(this.#clock.monotonic())) {
      if (this.#queue.length < KERNEL_QUEUE) this.#queue.push(message);
      else this.#repeat(message);
    }
  }

  #handle(message: Message): number {
    const { method, source, outcome } = message;
    this.control.arrived();
    if (method === 'other') return COST.other;
    if (this.control.isFlood(DATAGRAMS[method], source)) {
      this.#repeat(message);
      return COST.unread;
    }
    const remote = { host: source, port: 5060 };
    const verdict = this.control.judge(REQUESTS[method], { remote, peer: undefined });
    if (verdict === 'process') {
      this.#serve(message);
      return method === 'INVITE' ? COST.request : COST.other;
    }
    if (verdict === 'ignore') {
      this.#repeat(message);
      return COST.ignored;
    }
    if (outcome !== undefined) {
      outcome.refused += 1;
      if (method === 'BYE') outcome.byesRefused += 1;
    }
    return COST.refused;
  }

  /** Of a caller who answers nothing the callee sends its 200 again and again. */
  #serve({ method, source, outcome }: Message): void {
    if (method !== 'INVITE') {
      if (outcome !== undefined) outcome.served += 1;
      return;
    }
    const now = this.#clock.monotonic();
    const after = outcome === undefined ? [1, 30, 530, 1_530, 3_530, 7_530] : REST_OF_CALL;
    for (const ms of after) {
      this.#wire.put(now + ms, { method: 'other', source, outcome: undefined, attempt: 0 });
    }
    if (outcome !== undefined)
      this.#wire.put(now + BYE_AFTER_MS, { method: 'BYE', source, outcome, attempt: 0 });
  }

  /** Whoever hears nothing sends again. */
  #repeat(message: Message): void {
    const wait = REPEATS[message.attempt];
    if (message.outcome === undefined || message.method === 'other' || wait === undefined) return;
    const again = { ...message, attempt: message.attempt + 1 };
    this.#wire.put(this.#clock.monotonic() + wait - (REPEATS[message.attempt - 1] ?? 0), again);
  }
}
