import { CodedError } from '../errors.ts';
import type { Address, Connection, ConnectionHandler } from '../network.ts';
import { ClockEntry } from './clock-queue.ts';
import type { SimulatedHost } from './simulated-host.ts';

/** What the kernels on both sides hold before `bufferedBytes` begins to grow. */
const KERNEL_BUFFER_BYTES = 256 * 1024;

/** What travels in order along one direction of a connection. */
type Segment =
  /** What was written in one turn, as a kernel would gather it. */
  | {
      readonly kind: 'data';
      readonly data: Buffer;
      readonly sentAt: number;
      more: Buffer[] | undefined;
      arrival: number;
    }
  /** The end of the handshake: the listening side learns of the connection. */
  | { readonly kind: 'accept'; readonly accept: () => void; arrival: number }
  | { readonly kind: 'close'; readonly error: Error | undefined; arrival: number };

/** One direction of a connection: a queue whose head is in the clock. */
class Pipe extends ClockEntry {
  readonly #from: SimulatedConnection;
  readonly #to: SimulatedConnection;
  #queue: Segment[] = [];
  #isScheduled = false;
  /** Bytes sent and not yet delivered. */
  queuedBytes = 0;

  constructor(from: SimulatedConnection, to: SimulatedConnection) {
    super();
    this.#from = from;
    this.#to = to;
  }

  /** Bytes set out, with those that were sent in the same turn. */
  send(data: Buffer): void {
    const { totals, clock } = this.#from.host.network;
    this.queuedBytes += data.length;
    totals.streamBytes += data.length;
    const sentAt = clock.monotonic();
    const last = this.#queue.at(-1);
    if (last?.kind === 'data' && last.sentAt === sentAt) {
      if (last.more === undefined) last.more = [data];
      else last.more.push(data);
      return;
    }
    totals.segments++;
    this.push({ kind: 'data', data, sentAt, more: undefined, arrival: 0 });
  }

  push(segment: Segment): void {
    const { network } = this.#from.host;
    const last = this.#queue.at(-1)?.arrival ?? 0;
    // A stream never overtakes itself.
    segment.arrival = Math.max(
      last,
      network.clock.monotonic() + network.streamLatency(this.#from.host, this.#to.host),
    );
    this.#queue.push(segment);
    this.#scheduleHead();
  }

  /** Forgets everything that has not arrived. */
  clear(): void {
    this.#queue.length = 0;
    this.queuedBytes = 0;
  }

  /** The path is open again: what waited sets out now. */
  resume(): void {
    const { network } = this.#from.host;
    const arrival = network.clock.monotonic() + network.latency(this.#from.host, this.#to.host);
    for (const segment of this.#queue) segment.arrival = Math.max(segment.arrival, arrival);
    this.#scheduleHead();
  }

  override run(): void {
    this.#isScheduled = false;
    const { network } = this.#from.host;
    const head = this.#queue[0];
    if (head === undefined) return;
    if (network.isBlocked(this.#from.host, this.#to.host)) {
      network.stall(this.#from);
      return;
    }
    if (head.arrival <= network.clock.monotonic()) {
      // An empty array keeps the room it had, and there are two pipes for every link.
      if (this.#queue.length === 1) this.#queue = [];
      else this.#queue.shift();
      if (head.kind === 'data') this.queuedBytes -= lengthOf(head.data, head.more);
      this.#scheduleHead();
      this.#to.receive(head);
      return;
    }
    this.#scheduleHead();
  }

  #scheduleHead(): void {
    const head = this.#queue[0];
    if (head === undefined || this.#isScheduled) return;
    this.#isScheduled = true;
    const { clock } = this.#from.host.network;
    clock.schedule(head.arrival - clock.monotonic(), this);
  }
}

/** One end of a simulated TCP or TLS connection. */
export class SimulatedConnection implements Connection {
  readonly host: SimulatedHost;
  readonly local: Address;
  readonly remote: Address;
  readonly peerCertificates: readonly Uint8Array[];
  readonly #serial: number;
  #peer!: SimulatedConnection;
  #out!: Pipe;
  #handler: ConnectionHandler | undefined;
  /** What came before the owner took the connection over, or while it reads nothing. */
  #early: Buffer[] = [];
  #paused = false;
  #closed = false;
  #closeError: Error | undefined;
  #isCloseReported = false;

  private constructor(
    host: SimulatedHost,
    local: Address,
    remote: Address,
    peerCertificates: readonly Uint8Array[],
    serial: number,
  ) {
    this.host = host;
    this.local = local;
    this.remote = remote;
    this.peerCertificates = peerCertificates;
    this.#serial = serial;
    host.connections.add(this);
  }

  /** Two connected ends; each end is given the other's certificates. */
  static pair(
    client: { host: SimulatedHost; address: Address; certificates: readonly Uint8Array[] },
    server: { host: SimulatedHost; address: Address; certificates: readonly Uint8Array[] },
  ): [client: SimulatedConnection, server: SimulatedConnection] {
    const serial = client.host.network.totals.connections++;
    const near = new SimulatedConnection(
      client.host,
      client.address,
      server.address,
      server.certificates,
      serial,
    );
    const far = new SimulatedConnection(
      server.host,
      server.address,
      client.address,
      client.certificates,
      serial,
    );
    near.#attach(far);
    far.#attach(near);
    return [near, far];
  }

  get channelBinding(): string {
    return this.#serial.toString(16).padStart(32, '0');
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#out.queuedBytes - KERNEL_BUFFER_BYTES);
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#early.length === 0 && !this.#closed) return;
    this.host.network.clock.setTimer(0, () => this.#flushEarly());
  }

  send(data: Uint8Array): void {
    if (this.#closed || data.length === 0) return;
    // Not copied: like a socket's, the bytes must not be changed any more.
    this.#out.send(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#early.length > 0 || this.#closed) this.host.network.clock.setTimer(0, () => this.#flushEarly());
  }

  /** Sets out after all that was sent: `accept` runs when it arrives at the other end. */
  announce(accept: () => void): void {
    this.#out.push({ kind: 'accept', accept, arrival: 0 });
  }

  end(): void {
    if (this.#closed) return;
    this.#out.push({ kind: 'close', error: undefined, arrival: 0 });
    this.#closeLocally(undefined);
  }

  destroy(error?: Error): void {
    this.refuse(undefined, error);
  }

  /** Closes at once; the other end is told `remoteError`. */
  refuse(remoteError: Error | undefined, localError?: Error): void {
    if (this.#closed) return;
    this.#out.push({ kind: 'close', error: remoteError, arrival: 0 });
    this.#closeLocally(localError);
  }

  /** The host died: the other end sees a reset, this end's owner nothing. */
  crash(): void {
    this.#out.clear();
    this.#forget();
    this.#isCloseReported = true;
    if (!this.host.network.isBlocked(this.host, this.#peer.host)) this.#sendReset();
  }

  /** The path is open again, see Pipe.resume. */
  unblock(): void {
    this.host.network.unstall(this);
    this.#out.resume();
  }

  receive(segment: Segment): void {
    if (this.host.dead) {
      // The kernel of a restarted host does not know the connection.
      if (segment.kind !== 'close') this.#sendReset();
      return;
    }
    if (this.#closed) return;
    switch (segment.kind) {
      case 'accept':
        segment.accept();
        break;
      case 'data':
        this.#take(segment.data);
        for (const data of segment.more ?? []) this.#take(data);
        break;
      case 'close':
        this.#forget();
        this.#closeError = segment.error;
        if (this.#early.length === 0) this.#reportClose();
        break;
    }
  }

  #take(data: Buffer): void {
    if (this.#closed) return;
    if (this.#handler === undefined || this.#paused || this.#early.length > 0) this.#early.push(data);
    else this.#handler.onData(data);
  }

  #attach(peer: SimulatedConnection): void {
    this.#peer = peer;
    this.#out = new Pipe(this, peer);
  }

  #sendReset(): void {
    const error = new CodedError('connection-reset', 'the connection was reset by the peer', {
      origin: 'remote',
    });
    this.#out.push({ kind: 'close', error, arrival: 0 });
  }

  #closeLocally(error: Error | undefined): void {
    this.#forget();
    this.#closeError = error;
    this.#early = [];
    this.host.network.clock.setTimer(0, () => this.#reportClose());
  }

  #forget(): void {
    this.#closed = true;
    this.host.connections.delete(this);
  }

  #flushEarly(): void {
    while (!this.#paused) {
      const data = this.#early.shift();
      if (data === undefined) break;
      this.#handler?.onData(data);
    }
    if (this.#closed && this.#early.length === 0) this.#reportClose();
  }

  #reportClose(): void {
    if (this.#isCloseReported || this.#handler === undefined) return;
    this.#isCloseReported = true;
    this.#handler.onClose(this.#closeError);
  }
}

function lengthOf(data: Buffer, more: readonly Buffer[] = []): number {
  return more.reduce((sum, { length }) => sum + length, data.length);
}
