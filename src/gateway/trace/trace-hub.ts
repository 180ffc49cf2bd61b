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
  /** Of a SIP request that came, at no cost; of one that is sent it stands in `bytes`. */
  readonly method?: string | undefined;
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
    received: (message, path) => this.#emit(new Received(this.#clock, message, path)),
    sent: (bytes, path, traceId) => this.#emit(new Sent(this.#clock, bytes, path, traceId)),
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

/** A SIP message that passes: what costs anything is made when somebody asks. */
abstract class SipPacket {
  readonly protocol = 'sip';
  readonly path: TracedPath;
  readonly #clock: Clock;
  #at: number | undefined;

  constructor(clock: Clock, path: TracedPath) {
    this.#clock = clock;
    this.path = path;
  }

  /** Of the first look, which is while the message passes. */
  get at(): number {
    this.#at ??= this.#clock.now();
    return this.#at;
  }
}

class Received extends SipPacket implements TracedPacket {
  readonly direction = 'in';
  readonly #message: TracedMessage;

  constructor(clock: Clock, message: TracedMessage, path: TracedPath) {
    super(clock, path);
    this.#message = message;
  }

  get traceId(): string | undefined {
    return this.#message.header('Call-ID');
  }

  get method(): string | undefined {
    return this.#message.method;
  }

  get bytes(): Uint8Array {
    return this.#message.encode();
  }
}

class Sent extends SipPacket implements TracedPacket {
  readonly direction = 'out';
  readonly bytes: Uint8Array;
  readonly #knownId: string | undefined;

  constructor(clock: Clock, bytes: Uint8Array, path: TracedPath, knownId: string | undefined) {
    super(clock, path);
    this.bytes = bytes;
    this.#knownId = knownId;
  }

  /** Looked for in the octets where the sender has nothing else at hand any more: of what is sent again. */
  get traceId(): string | undefined {
    return this.#knownId ?? callIdOf(this.bytes);
  }
}
