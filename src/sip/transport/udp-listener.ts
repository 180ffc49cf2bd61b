import {
  type Address,
  type Counter,
  type DatagramSocket,
  Event,
  type EventSource,
} from '../../base/index.ts';
import { MessageError, parseMessage } from '../message/parser.ts';
import type { OverloadControl } from '../overload/overload-control.ts';
import { TransportError } from './errors.ts';
import type { BoundListener, Flow } from './flow.ts';
import type { MessageIntake } from './intake.ts';
import type { SourceGuard } from './source-guard.ts';
import { isStun, stunAnswer } from './stun-keepalive.ts';

/** Flows kept per generation, see `UdpListener.flow`. */
const FLOWS_PER_GENERATION = 8192;

class UdpFlow implements Flow {
  readonly id: number;
  readonly transport = 'UDP';
  readonly reliable = false;
  readonly peer = undefined;
  readonly remote: Address;
  readonly #owner: UdpListener;

  constructor(id: number, owner: UdpListener, remote: Address) {
    this.id = id;
    this.#owner = owner;
    this.remote = remote;
  }

  get listener(): BoundListener {
    return this.#owner.bound;
  }

  get local(): Address {
    return this.#owner.bound.local;
  }

  get open(): boolean {
    return this.#owner.open;
  }

  get closed(): EventSource<Error | undefined> {
    return this.#owner.closed;
  }

  send(data: Uint8Array): void {
    this.#owner.send(data, this.remote);
  }
}

export interface UdpListenerDeps {
  readonly intake: MessageIntake;
  readonly nextFlowId: () => number;
  readonly keepalives: Counter;
  readonly guard?: SourceGuard | undefined;
  readonly overload?: OverloadControl | undefined;
}

/** One UDP socket and the flows over it. */
export class UdpListener {
  readonly closed = new Event<Error | undefined>();
  readonly #deps: UdpListenerDeps;
  #bound: BoundListener | undefined;
  #socket: DatagramSocket | undefined;
  #open = false;
  #young = new Map<string, Map<number, UdpFlow>>();
  #old = new Map<string, Map<number, UdpFlow>>();
  #youngCount = 0;

  constructor(deps: UdpListenerDeps) {
    this.#deps = deps;
  }

  /** Called once, before the first datagram is handed over. */
  attach(socket: DatagramSocket, bound: BoundListener): void {
    this.#socket = socket;
    this.#bound = bound;
    this.#open = true;
  }

  get bound(): BoundListener {
    if (this.#bound === undefined) throw new TransportError('stopped', 'the listener is not bound yet');
    return this.#bound;
  }

  get open(): boolean {
    return this.#open;
  }

  /**
   * The flow to a remote address. Flows hold no state of the other side, so the cache may forget: two generations
   * bound it without the cost of ordering every access.
   */
  flow(remote: Address): Flow {
    const { host, port } = remote;
    const known = this.#young.get(host)?.get(port);
    if (known !== undefined) return known;
    const flow = this.#old.get(host)?.get(port) ?? new UdpFlow(this.#deps.nextFlowId(), this, remote);
    if (this.#youngCount >= FLOWS_PER_GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngCount = 0;
    }
    this.#youngCount += 1;
    const ofHost = this.#young.get(host);
    if (ofHost === undefined) this.#young.set(host, new Map([[port, flow]]));
    else ofHost.set(port, flow);
    return flow;
  }

  onDatagram(data: Buffer, from: Address): void {
    const { guard, overload } = this.#deps;
    overload?.arrived();
    if (guard?.admits(from.host) === false) return;
    if (overload?.isActive === true) overload.receive(data, from.host, () => this.#handle(data, from));
    else this.#handle(data, from);
  }

  #handle(data: Buffer, from: Address): void {
    // What waited may outlive the socket.
    if (!this.#open) return;
    if (isKeepalive(data)) {
      this.#deps.keepalives.inc();
      return;
    }
    if (isStun(data)) {
      this.#answerStun(data, from);
      return;
    }
    const flow = this.flow(from);
    try {
      this.#deps.intake.accept(parseMessage(data, { datagram: true }), flow);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#deps.intake.reject(error, flow);
    }
  }

  send(data: Uint8Array, to: Address): void {
    if (!this.#open) throw new TransportError('flow-closed', 'the UDP socket is closed');
    this.#socket?.send(data, to);
  }

  #answerStun(data: Buffer, from: Address): void {
    this.#deps.keepalives.inc();
    const answer = stunAnswer(data, from);
    if (answer !== undefined) this.send(answer, from);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#socket?.close();
    this.closed.emit(undefined);
  }
}

/** Phones behind NAT send CRLFs, zeros or spaces to keep their mapping; nothing is expected back over UDP. */
function isKeepalive(data: Buffer): boolean {
  if (data.length > 8) return false;
  return data.every((octet) => octet === 0x0d || octet === 0x0a || octet === 0 || octet === 0x20);
}
