import { type Address, CodedError, type Logger, type Network, type TlsOptions } from '../../base/index.ts';
import { type ConnectionTable, remoteKey } from './connection-table.ts';
import { TransportError } from './errors.ts';
import { type Flow, isWebSocket, type TransportName } from './flow.ts';

/** Attempts to connect at one time. */
const MAX_CONNECTING = 512;

export interface ConnectorDeps {
  readonly network: Network;
  readonly logger: Logger;
  /** What is opened goes in there. */
  readonly connections: ConnectionTable;
  readonly nextFlowId: () => number;
}

export interface ConnectorOptions {
  /** How long an attempt may take, ms. */
  readonly connectTimeoutMs: number;
  /** TLS to a target of that name (RFC 5922 §7); without it there is none. */
  readonly clientTls: ((name: string) => TlsOptions) | undefined;
}

/** Opens TCP and TLS connections to servers and phones, one attempt for all who want the same. */
export class Connector {
  readonly #deps: ConnectorDeps;
  readonly #options: ConnectorOptions;
  readonly #connecting = new Map<string, Promise<Flow>>();
  #stopped = false;

  constructor(deps: ConnectorDeps, options: ConnectorOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * @param name the host that was asked for, where `address` is what was found for it
   * @throws TransportError 'too-many-connections' | 'unsupported-transport' | 'stopped', CodedError 'connect-failed' |
   *   'connect-timeout' | 'peer-refused'
   */
  connect(transport: TransportName, address: Address, name?: string): Promise<Flow> {
    const key = remoteKey(transport, address, name);
    const pending = this.#connecting.get(key);
    if (pending !== undefined) return pending;
    const attempt = this.#connect(transport, address, name).finally(() => this.#connecting.delete(key));
    this.#connecting.set(key, attempt);
    return attempt;
  }

  /** What is being opened is closed as soon as it stands. */
  stop(): void {
    this.#stopped = true;
  }

  async #connect(transport: TransportName, address: Address, name?: string): Promise<Flow> {
    const { network, connections, nextFlowId } = this.#deps;
    this.#requireRunning();
    if (isWebSocket(transport)) {
      throw new TransportError('unsupported-transport', `cannot connect over ${transport}`);
    }
    if (this.#connecting.size >= MAX_CONNECTING || !connections.admits(address.host)) {
      throw new TransportError('too-many-connections', 'too many SIP connections');
    }
    const { connectTimeoutMs: timeoutMs } = this.#options;
    const tls = transport === 'TLS' ? this.#requireClientTls(name ?? address.host) : undefined;
    const connecting = network.connect(address, tls === undefined ? { timeoutMs } : { timeoutMs, tls });
    const connection = await connecting.catch((error) => this.#report(error, name));
    if (this.#stopped) connection.destroy();
    this.#requireRunning();
    const id = nextFlowId();
    return connections.add(connection, name === undefined ? { id, transport } : { id, transport, name });
  }

  #requireRunning(): void {
    if (this.#stopped) throw new TransportError('stopped', 'the transport is stopped');
  }

  #requireClientTls(name: string): TlsOptions {
    const { clientTls } = this.#options;
    if (clientTls === undefined) {
      throw new TransportError('unsupported-transport', 'connecting over TLS is not configured');
    }
    return clientTls(name);
  }

  /** An operator mends a certificate that does not fit, no caller. */
  #report(error: unknown, name: string | undefined): never {
    if (error instanceof CodedError && error.code === 'peer-refused') {
      this.#deps.logger.warn('cannot connect over TLS', { name, reason: error.message });
    }
    throw error;
  }
}
