import {
  type Address,
  type Clock,
  CodedError,
  type Counter,
  type DatagramSocket,
  formatAddress,
  type Metrics,
  type Network,
  type Random,
  randomHex,
  sameAddress,
  type Timer,
} from '../../base/index.ts';
import { type Bencoded, decodeBencode, encodeBencode } from './bencode.ts';

/** An answer is sent again for the same cookie, so a lost datagram costs one of these, ms. */
const RESEND_MS = [250, 500, 1000];
/** Requests without an answer so far; beyond it the relay is taken for dead. */
const MAX_PENDING = 2_000;
const COOKIE_BYTES = 8;

export type NgCommand = { readonly command: 'offer' | 'answer' | 'delete' | 'ping' | 'list' } & {
  readonly [key: string]: Bencoded;
};
export type NgAnswer = { readonly [key: string]: Bencoded };

interface Pending {
  readonly resolve: (answer: NgAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly datagram: Buffer;
  timer: Timer | undefined;
}

/**
 * Speaks the "ng" control protocol of rtpengine: a cookie and a bencoded dictionary in one UDP datagram, sent again until
 * an answer with the same cookie comes.
 */
export class NgClient {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #network: Network;
  readonly #server: Address;
  readonly #pending = new Map<string, Pending>();
  readonly #timeouts: Counter;
  #socket: DatagramSocket | undefined;

  constructor(
    deps: {
      readonly clock: Clock;
      readonly random: Random;
      readonly network: Network;
      readonly metrics: Metrics;
    },
    { server }: { readonly server: Address },
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#network = deps.network;
    this.#server = server;
    this.#timeouts = deps.metrics.counter(
      'sip_media_timeouts_total',
      'Requests the media relay did not answer',
    );
  }

  async start(): Promise<void> {
    const host = await this.#network.localAddressTowards(this.#server.host);
    this.#socket = await this.#network.bindDatagram(
      { host, port: 0 },
      { onDatagram: (data, from) => this.#onDatagram(data, from) },
    );
  }

  async stop(): Promise<void> {
    for (const cookie of [...this.#pending.keys()])
      this.#fail(cookie, 'relay-silent', 'this server is stopping');
    await this.#socket?.close();
  }

  /** @throws CodedError 'relay-silent' (2 s), 'relay-busy', 'relay-refused' with what the relay said */
  async request(command: NgCommand): Promise<NgAnswer> {
    const answer = await this.#exchange(command);
    if (answer.result === 'ok' || answer.result === 'pong') return answer;
    const reason = String(answer['error-reason'] ?? answer.result).slice(0, 200);
    throw new CodedError('relay-refused', `the media relay refuses ${command.command}: ${reason}`, {
      origin: 'remote',
    });
  }

  #exchange(command: NgCommand): Promise<NgAnswer> {
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new CodedError('relay-busy', 'too many requests wait for the media relay'));
    }
    const cookie = randomHex(this.#random, COOKIE_BYTES);
    const datagram = Buffer.from(`${cookie} ${encodeBencode(command)}`, 'latin1');
    return new Promise((resolve, reject) => {
      this.#pending.set(cookie, { resolve, reject, datagram, timer: undefined });
      this.#send(cookie, 0);
    });
  }

  #send(cookie: string, attempt: number): void {
    const pending = this.#pending.get(cookie);
    if (pending === undefined) return;
    const delayMs = RESEND_MS[attempt];
    if (delayMs === undefined || this.#socket === undefined) {
      this.#timeouts.inc();
      this.#fail(cookie, 'relay-silent', `the media relay ${formatAddress(this.#server)} does not answer`);
      return;
    }
    this.#socket.send(pending.datagram, this.#server);
    pending.timer = this.#clock.setTimer(delayMs, () => this.#send(cookie, attempt + 1));
  }

  #onDatagram(data: Buffer, from: Address): void {
    if (!sameAddress(from, this.#server)) return;
    const text = data.toString('latin1');
    const cut = text.indexOf(' ');
    const cookie = text.slice(0, Math.max(cut, 0));
    const pending = this.#pending.get(cookie);
    if (pending === undefined) return;
    try {
      const answer = decodeBencode(text.slice(cut + 1));
      if (typeof answer !== 'object' || Array.isArray(answer)) return;
      this.#forget(cookie);
      pending.resolve(answer as NgAnswer);
    } catch {
      // Not what a relay says: the next one may be.
    }
  }

  #fail(cookie: string, code: string, message: string): void {
    this.#forget(cookie)?.reject(new CodedError(code, message));
  }

  #forget(cookie: string): Pending | undefined {
    const pending = this.#pending.get(cookie);
    pending?.timer?.close();
    this.#pending.delete(cookie);
    return pending;
  }
}
