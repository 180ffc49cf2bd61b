import { type Clock, type Logger, silentLogger } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { OverloadControl } from '../../src/sip/overload/overload-control.ts';
import { Precedence } from '../../src/sip/overload/precedence.ts';
import { CountingMetrics } from './counting-metrics.ts';
import { sipRequest } from './sip-transactions.ts';

/** What messages cost beyond being read, ms of the server's time, about as measured; so a call costs 1 ms. */
const COST = { unread: 0.016, ignored: 0.002, refused: 0.012, request: 0.334, other: 0.084 } as const;
/** Of one that does four times as much, but for what it costs to read. */
export const FAST_COST: Cost = {
  unread: 0.008,
  ignored: 0.001,
  refused: 0.006,
  request: 0.082,
  other: 0.021,
};
type Cost = Readonly<Record<keyof typeof COST, number>>;
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
  /** What has become of it, or of another copy of it. */
  readonly state: { isTaken: boolean; isAnswered: boolean };
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
  /** The end of what was done, ms: the clock itself follows after each turn. */
  #time = 0;

  readonly #cost: Cost;

  constructor({
    isStranger = () => false,
    cost = COST,
  }: { isStranger?: (host: string) => boolean; cost?: Cost } = {}) {
    this.#cost = cost;
    const clock: Clock = {
      now: () => this.#clock.now(),
      monotonic: () => this.#now,
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
      this.#send(at, { method, source: from, outcome: isDeaf ? undefined : outcome });
    }
  }

  /** The machine does something else for so long. */
  async stall(ms: number): Promise<void> {
    await this.#clock.advance(ms);
  }

  async runUntil(ms: number): Promise<void> {
    while (this.#now < ms) {
      this.#receive();
      const start = this.#now;
      for (const message of this.#queue.splice(0, PER_TURN)) this.#take(message);
      for (const end of this.#turnEnds.splice(0)) end();
      await this.#clock.advance(this.#now === start ? 1 : this.#now - this.#clock.monotonic());
    }
  }

  get #now(): number {
    return Math.max(this.#time, this.#clock.monotonic());
  }

  #spend(ms: number): void {
    this.#time = this.#now + ms;
  }

  #send(atMs: number, message: Omit<Message, 'attempt' | 'state'>): void {
    this.#wire.put(atMs, { ...message, attempt: 0, state: { isTaken: false, isAnswered: false } });
  }

  #receive(): void {
    for (const message of this.#wire.until(this.#now)) {
      const { attempt, state } = message;
      if (attempt > 0 && state.isAnswered) continue;
      if (this.#queue.length < KERNEL_QUEUE) this.#queue.push(message);
      const wait = REPEATS[attempt];
      if (message.outcome === undefined || message.method === 'other' || wait === undefined) continue;
      // Whoever hears nothing sends again.
      this.#wire.put(this.#now + wait - (REPEATS[attempt - 1] ?? 0), { ...message, attempt: attempt + 1 });
    }
  }

  /** What it costs to read a message is spent whatever becomes of it. */
  #take(message: Message): void {
    const { method, source } = message;
    this.control.arrived();
    this.#spend(this.#cost.unread);
    if (method === 'other' || !this.control.isActive) this.#handle(message);
    else this.control.receive(DATAGRAMS[method], source, () => this.#handle(message));
  }

  #handle(message: Message): void {
    const { method, source, outcome, state } = message;
    if (method === 'other' || state.isTaken) {
      this.#spend(this.#cost.other);
      return;
    }
    const remote = { host: source, port: 5060 };
    const verdict = this.control.judge(REQUESTS[method], { remote, peer: undefined });
    if (verdict === 'process') {
      this.#spend(method === 'INVITE' ? this.#cost.request : this.#cost.other);
      this.#serve(message);
      return;
    }
    this.#spend(this.#cost[verdict === 'ignore' ? 'ignored' : 'refused']);
    if (verdict === 'ignore') return;
    state.isAnswered = true;
    if (outcome === undefined) return;
    outcome.refused += 1;
    if (method === 'BYE') outcome.byesRefused += 1;
  }

  /** Of a caller who answers nothing the callee sends its 200 again and again. */
  #serve({ method, source, outcome, state }: Message): void {
    state.isTaken = state.isAnswered = true;
    if (method !== 'INVITE') {
      if (outcome !== undefined) outcome.served += 1;
      return;
    }
    const now = this.#now;
    const after = outcome === undefined ? [1, 30, 530, 1_530, 3_530, 7_530] : REST_OF_CALL;
    for (const ms of after) this.#send(now + ms, { method: 'other', source, outcome: undefined });
    if (outcome !== undefined) this.#send(now + BYE_AFTER_MS, { method: 'BYE', source, outcome });
  }
}
