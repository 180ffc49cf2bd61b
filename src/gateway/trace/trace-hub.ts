import type {
  Clock,
  ReloadTrace,
  SipTrace,
  TracedMessage,
  TracedPath,
  Unsubscribe,
} from '../../base/index.ts';
import { LruMap } from '../../base/index.ts';
import { callIdOf } from './call-id.ts';

/** One message on the wire, decrypted. */
export interface TracedPacket {
  readonly protocol: 'sip' | 'reload';
  readonly direction: 'in' | 'out';
  /** ms since the epoch. */
  readonly at: number;
  readonly path: TracedPath;
  /** The Call-ID, also of the RELOAD messages behind a call; undefined where there is none. */
  readonly traceId: string | undefined;
  /** Of a SIP message that came: its first line, at no cost; of one that is sent it stands in `bytes`. */
  readonly startLine?: string;
  /** May share memory with the receive buffer: copy what is kept. */
  readonly bytes: Uint8Array;
}

/** Quick, never throws. */
export type TraceObserver = (packet: TracedPacket) => void;

/** RELOAD transactions whose trace id is remembered: more than can be under way, and their late answers. */
const MAX_TRANSACTIONS = 4096;
/** RFC 6940 §6.3.2: where the forwarding header has the transaction id. */
const TRANSACTION_ID_AT = 20;
const TRANSACTION_ID_END = 28;

/** The trace ports made real: whatever passes goes to everybody who looks, with its time and trace id. */
export class TraceHub {
  readonly sip: SipTrace = {
    received: (message, path) => {
      const traceId = message.header('Call-ID');
      this.#lastTraceId = traceId;
      this.#emit(new Received(this.#clock.now(), message, path, traceId));
    },
    // What is sent answers or forwards, nearly always, what has just come.
    sent: (bytes, path) => this.#emit(new Sent(this.#clock.now(), bytes, path, this.#lastTraceId)),
  };
  readonly reload: ReloadTrace = {
    message: (direction, _peer, bytes, path) => {
      const traceId = this.#traceIdOf(bytes);
      this.#emit({ protocol: 'reload', direction, at: this.#clock.now(), path, traceId, bytes });
    },
    begun: (transactionId, traceId) => this.#transactions.set(transactionId, traceId),
  };
  readonly #clock: Clock;
  readonly #transactions = new LruMap<bigint, string>(MAX_TRANSACTIONS);
  #lastTraceId: string | undefined;
  #observers: readonly TraceObserver[] = [];

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  observe(observer: TraceObserver): Unsubscribe {
    this.#observers = [...this.#observers, observer];
    return () => {
      this.#observers = this.#observers.filter((other) => other !== observer);
    };
  }

  #emit(packet: TracedPacket): void {
    for (const observer of this.#observers) observer(packet);
  }

  #traceIdOf(bytes: Uint8Array): string | undefined {
    if (this.#transactions.size === 0 || bytes.length < TRANSACTION_ID_END) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#transactions.get(view.getBigUint64(TRANSACTION_ID_AT));
  }
}

/** A SIP message that came; its octets are made when somebody asks. */
class Received implements TracedPacket {
  readonly protocol = 'sip';
  readonly direction = 'in';
  readonly at: number;
  readonly path: TracedPath;
  readonly traceId: string | undefined;
  readonly #message: TracedMessage;

  constructor(at: number, message: TracedMessage, path: TracedPath, traceId: string | undefined) {
    this.at = at;
    this.path = path;
    this.traceId = traceId;
    this.#message = message;
  }

  get startLine(): string {
    return this.#message.startLine;
  }

  get bytes(): Uint8Array {
    return this.#message.encode();
  }
}

class Sent implements TracedPacket {
  readonly protocol = 'sip';
  readonly direction = 'out';
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly path: TracedPath;
  readonly #likelyId: string | undefined;

  constructor(at: number, bytes: Uint8Array, path: TracedPath, likelyId: string | undefined) {
    this.at = at;
    this.bytes = bytes;
    this.path = path;
    this.#likelyId = likelyId;
  }

  /** Looked for in the octets: whoever sends has nothing else at hand any more. */
  get traceId(): string | undefined {
    return callIdOf(this.bytes, this.#likelyId);
  }
}
