import { CodedError } from '../errors.ts';
import type { Address, Connection, ConnectionHandler } from '../network.ts';
import type { Slotted } from '../slot-list.ts';
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

/** What is under way in one direction of a connection: a queue whose head is in the clock. It lasts until it is empty. */
class Pipe extends ClockEntry {
  readonly #from: SimulatedConnection;
  readonly #to: SimulatedConnection;
  readonly #queue: Segment[] = [];
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
      this.#queue.shift();
      if (head.kind === 'data') this.queuedBytes -= lengthOf(head.data, head.more);
      if (this.#queue.length === 0) this.#from.drained(this);
      else this.#scheduleHead();
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
export class SimulatedConnection implements Connection, Slotted {
  slot = 0;
  readonly host: SimulatedHost;
  readonly local: Address;
  readonly peerCertificates: readonly Uint8Array[];
  readonly #serial: number;
  #peer!: SimulatedConnection;
  /** Undefined while nothing is under way. */
  #out: Pipe | undefined;
  #handler: ConnectionHandler | undefined;
  /** What came before the owner took the connection over, or while it reads nothing. */
  #early: Buffer[] | undefined;
  #paused = false;
  #closed: { error: Error | undefined; isReported: boolean } | undefined;

  private constructor(
    host: SimulatedHost,
    local: Address,
    peerCertificates: readonly Uint8Array[],
    serial: number,
  ) {
    this.host = host;
    this.local = local;
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
    const near = new SimulatedConnection(client.host, client.address, server.certificates, serial);
    const far = new SimulatedConnection(server.host, server.address, client.certificates, serial);
    near.#peer = far;
    far.#peer = near;
    return [near, far];
  }

  get remote(): Address {
    return this.#peer.local;
  }

  get channelBinding(): string {
    return this.#serial.toString(16).padStart(32, '0');
  }

  get bufferedBytes(): number {
    return Math.max(0, (this.#out?.queuedBytes ?? 0) - KERNEL_BUFFER_BYTES);
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#early === undefined && this.#closed === undefined) return;
    this.host.network.clock.setTimer(0, () => this.#flushEarly());
  }

  send(data: Uint8Array): void {
    if (this.#closed !== undefined || data.length === 0) return;
    // Not copied: like a socket's, the bytes must not be changed any more.
    this.#pipe().send(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#early === undefined && this.#closed === undefined) return;
    this.host.network.clock.setTimer(0, () => this.#flushEarly());
  }

  /** Sets out after all that was sent: `accept` runs when it arrives at the other end. */
  announce(accept: () => void): void {
    this.#pipe().push({ kind: 'accept', accept, arrival: 0 });
  }

  end(): void {
    if (this.#closed !== undefined) return;
    this.#pipe().push({ kind: 'close', error: undefined, arrival: 0 });
    this.#closeLocally(undefined);
  }

  destroy(error?: Error): void {
    this.refuse(undefined, error);
  }

  /** Closes at once; the other end is told `remoteError`. */
  refuse(remoteError: Error | undefined, localError?: Error): void {
    if (this.#closed !== undefined) return;
    this.#pipe().push({ kind: 'close', error: remoteError, arrival: 0 });
    this.#closeLocally(localError);
  }

  /** The host died: the other end sees a reset, this end's owner nothing. */
  crash(): void {
    this.#out?.clear();
    this.#close(undefined).isReported = true;
    if (!this.host.network.isBlocked(this.host, this.#peer.host)) this.#sendReset();
  }

  /** The path is open again, see Pipe.resume. */
  unblock(): void {
    this.host.network.unstall(this);
    this.#out?.resume();
  }

  receive(segment: Segment): void {
    if (this.host.dead) {
      // The kernel of a restarted host does not know the connection.
      if (segment.kind !== 'close') this.#sendReset();
      return;
    }
    if (this.#closed !== undefined) return;
    switch (segment.kind) {
      case 'accept':
        segment.accept();
        break;
      case 'data':
        this.#take(segment.data);
        for (const data of segment.more ?? []) this.#take(data);
        break;
      case 'close':
        this.#close(segment.error);
        if (this.#early === undefined) this.#reportClose();
        break;
    }
  }

  /** Of our pipe: all that was sent has arrived. */
  drained(pipe: Pipe): void {
    if (this.#out === pipe) this.#out = undefined;
  }

  #pipe(): Pipe {
    this.#out ??= new Pipe(this, this.#peer);
    return this.#out;
  }

  #take(data: Buffer): void {
    if (this.#closed !== undefined) return;
    if (this.#handler !== undefined && !this.#paused && this.#early === undefined) {
      this.#handler.onData(data);
      return;
    }
    this.#early ??= [];
    this.#early.push(data);
  }

  #sendReset(): void {
    const error = new CodedError('connection-reset', 'the connection was reset by the peer', {
      origin: 'remote',
    });
    this.#pipe().push({ kind: 'close', error, arrival: 0 });
  }

  #closeLocally(error: Error | undefined): void {
    this.#close(error);
    this.#early = undefined;
    this.host.network.clock.setTimer(0, () => this.#reportClose());
  }

  #close(error: Error | undefined): { isReported: boolean } {
    this.host.connections.delete(this);
    this.#closed = { error, isReported: this.#closed?.isReported ?? false };
    return this.#closed;
  }

  #flushEarly(): void {
    while (!this.#paused) {
      const data = this.#early?.shift();
      if (data === undefined) break;
      this.#handler?.onData(data);
    }
    if (this.#early?.length === 0) this.#early = undefined;
    if (this.#closed !== undefined && this.#early === undefined) this.#reportClose();
  }

  #reportClose(): void {
    if (this.#closed === undefined || this.#closed.isReported || this.#handler === undefined) return;
    this.#closed.isReported = true;
    this.#handler.onClose(this.#closed.error);
  }
}

function lengthOf(data: Buffer, more: readonly Buffer[] = []): number {
  return more.reduce((sum, { length }) => sum + length, data.length);
}
