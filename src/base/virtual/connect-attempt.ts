import { equalBytes } from '../bytes.ts';
import type { Timer } from '../clock.ts';
import { CodedError, errorMessage } from '../errors.ts';
import { type Address, type Connection, formatAddress, type TlsOptions } from '../network.ts';
import { ClockEntry } from './clock-queue.ts';
import { SimulatedConnection } from './simulated-connection.ts';
import type { SimulatedHost, SimulatedListener } from './simulated-host.ts';

export interface ConnectOptions {
  readonly tls?: TlsOptions;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const SYN_RETRANSMIT_MS = 1_000;

/** The client's side of a TCP (and TLS 1.3) handshake. */
export class ConnectAttempt extends ClockEntry {
  readonly promise: Promise<Connection>;
  readonly #host: SimulatedHost;
  readonly #remote: Address;
  readonly #tls: TlsOptions | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: Timer;
  #phase: 'syn' | 'answer' | 'done' = 'syn';
  #settle!: { resolve: (connection: Connection) => void; reject: (error: unknown) => void };
  readonly #onAbort = () => this.#fail(this.#signal?.reason);

  constructor(host: SimulatedHost, remote: Address, options: ConnectOptions) {
    super();
    this.#host = host;
    this.#remote = remote;
    this.#tls = options.tls;
    this.#signal = options.signal;
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const { clock } = host.network;
    this.#timer = clock.setTimer(options.timeoutMs ?? DEFAULT_TIMEOUT_MS, () =>
      this.#fail(new CodedError('connect-timeout', `no answer from ${formatAddress(remote)}`)),
    );
    if (this.#signal?.aborted) {
      this.#onAbort();
      return;
    }
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    const target = host.reach(remote.host);
    clock.schedule(target === undefined ? 0 : host.network.latency(host, target), this);
  }

  /** Phase 'syn' happens at the target, phase 'answer' back here. */
  override run(): void {
    if (this.#phase === 'done') return;
    const { network } = this.#host;
    const target = this.#host.dead ? undefined : this.#host.reach(this.#remote.host);
    if (target === undefined) {
      this.#refused('no route to');
    } else if (network.isBlocked(this.#host, target)) {
      this.#phase = 'syn';
      network.clock.schedule(SYN_RETRANSMIT_MS, this);
    } else if (this.#phase === 'syn') {
      this.#phase = 'answer';
      const trips = this.#tls === undefined ? 1 : 3;
      let delay = 0;
      for (let trip = 0; trip < trips; trip++) delay += network.streamLatency(target, this.#host);
      network.clock.schedule(delay, this);
    } else {
      this.#answered(target);
    }
  }

  #answered(target: SimulatedHost): void {
    const listener = target.listenerAt(this.#remote);
    if (listener === undefined) this.#refused('nothing listens on');
    else if (this.#tls !== undefined && listener.tls === undefined) this.#refused('no TLS spoken on');
    else this.#establish(target, listener);
  }

  #establish(target: SimulatedHost, listener: SimulatedListener): void {
    const [ours, theirs] = [this.#tls?.presharedKey?.(), listener.tls?.presharedKey?.()];
    if (ours !== undefined || theirs !== undefined) {
      this.#establishWithKey(
        target,
        listener,
        ours !== undefined && theirs !== undefined && equalBytes(ours.key, theirs.key),
      );
      return;
    }
    const serverCertificates = (this.#tls && listener.tls?.identity?.certificates) ?? [];
    const isClientAsked = this.#tls !== undefined && listener.tls?.verifyPeer !== undefined;
    const clientCertificates = isClientAsked ? (this.#tls?.identity?.certificates ?? []) : [];
    try {
      this.#tls?.verifyPeer?.(serverCertificates);
    } catch (cause) {
      const why = `the certificate of ${formatAddress(this.#remote)} was refused: ${errorMessage(cause)}`;
      this.#fail(new CodedError('peer-refused', why, { cause }));
      return;
    }
    this.#connect(target, listener, clientCertificates, serverCertificates);
  }

  #connect(
    target: SimulatedHost,
    listener: SimulatedListener,
    clientCertificates: readonly Uint8Array[],
    serverCertificates: readonly Uint8Array[],
  ): void {
    const host = this.#host.sourceTowards(this.#remote.host);
    const [client, server] = SimulatedConnection.pair(
      {
        host: this.#host,
        address: { host, port: this.#host.ephemeralPort() },
        certificates: clientCertificates,
      },
      { host: target, address: this.#remote, certificates: serverCertificates },
    );
    client.announce(() => {
      // As with TLS 1.3: the client learns of a refusal only after its own handshake is over.
      const refusal = refusalByServer(listener, this.#tls, clientCertificates, host);
      if (refusal !== undefined) server.refuse(refusal);
      else listener.onConnection(server);
    });
    this.#finish();
    this.#settle.resolve(client);
  }

  /** As with TLS 1.2: both ends know before the first byte whether the other has the key. */
  #establishWithKey(target: SimulatedHost, listener: SimulatedListener, isShared: boolean): void {
    const { host, port } = this.#remote;
    if (!isShared) {
      const where = formatAddress({ host, port });
      const source = this.#host.sourceTowards(host);
      listener.tls?.onRefused?.(new CodedError('secret-refused', 'another shared secret, or none'), source);
      this.#fail(new CodedError('secret-refused', `${where} has another shared secret, or none`));
      return;
    }
    this.#connect(target, listener, [], []);
  }

  #refused(why: string): void {
    this.#fail(new CodedError('connect-failed', `${why} ${formatAddress(this.#remote)}`));
  }

  #fail(error: unknown): void {
    if (this.#phase === 'done') return;
    this.#finish();
    this.#settle.reject(error);
  }

  #finish(): void {
    this.#phase = 'done';
    this.#timer.close();
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** What the server tells a client it does not want; undefined when it is welcome. */
function refusalByServer(
  listener: SimulatedListener,
  clientTls: TlsOptions | undefined,
  certificates: readonly Uint8Array[],
  from: string,
): CodedError | undefined {
  if (listener.tls === undefined) return undefined;
  if (clientTls === undefined) {
    return new CodedError('connection-reset', 'the peer expected TLS', { origin: 'remote' });
  }
  if (listener.tls.presharedKey !== undefined) return undefined;
  try {
    listener.tls.verifyPeer?.(certificates);
    return undefined;
  } catch (error) {
    listener.tls.onRefused?.(error as Error, from);
    return new CodedError('peer-refused', 'the peer refused our certificate', { origin: 'remote' });
  }
}
