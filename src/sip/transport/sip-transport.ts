import {
  type Address,
  type Clock,
  type Connection,
  type Counter,
  errorMessage,
  formatAddress,
  type Listener,
  type Logger,
  type Metrics,
  type Network,
  type Random,
  type SipTrace,
  type TlsOptions,
  type WebSockets,
} from '../../base/index.ts';
import type { SipResponse } from '../message/response.ts';
import type { OverloadControl } from '../overload/overload-control.ts';
import { ConnectionTable } from './connection-table.ts';
import { Connector } from './connector.ts';
import { TransportError } from './errors.ts';
import { type BoundListener, defaultPort, type Flow, isWebSocket, type TransportName } from './flow.ts';
import { type MessageHandler, MessageIntake } from './intake.ts';
import { chooseListener } from './listener-choice.ts';
import type { SourceGuard } from './source-guard.ts';
import { UdpListener } from './udp-listener.ts';
import { type ResponsePort, responsePort } from './via-source.ts';

export interface SipTransportDeps {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Who is met with silence; without it nobody is. */
  readonly guard?: SourceGuard | undefined;
  /** Sees what comes and goes. */
  readonly trace?: SipTrace | undefined;
  /** Is told of whatever arrives, and drops floods; without it nothing is dropped. */
  readonly overload?: OverloadControl | undefined;
  /** Required to listen on WS and WSS. */
  readonly webSockets?: WebSockets;
}

export interface SipTransportOptions {
  /** Connections of all kinds together; further ones are refused. */
  readonly maxConnections?: number;
  /** Connections from one remote host. */
  readonly maxConnectionsPerHost?: number;
  /** How long an attempt to connect may take, ms. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** SO_RCVBUF of UDP sockets. Default 4 MB: a burst must survive a pause of the event loop. */
  readonly receiveBufferBytes?: number;
  /** TLS of connections we open to `transport=tls` targets of that name (RFC 5922 §7); without it they are refused. */
  readonly clientTls?: (name: string) => TlsOptions;
}

export interface ListenOptions {
  readonly transport: TransportName;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** What others are told to use; default: where the socket is bound. */
  readonly advertised?: Address;
  /** Required for TLS and WSS. */
  readonly tls?: TlsOptions;
}

export interface FlowTarget {
  readonly transport: TransportName;
  readonly address: Address;
  /** The host that was asked for, where `address` is what was found for it. Default: the address itself. */
  readonly name?: string;
  /** UDP: the socket to send from. */
  readonly from?: BoundListener | undefined;
}

/** RFC 7118 §4. */
const WEB_SOCKET_PROTOCOL = 'sip';

const MAX_CONNECTIONS = 20_000;
const MAX_CONNECTIONS_PER_HOST = 5_000;

interface StreamListener {
  readonly bound: BoundListener;
  readonly listener: Listener;
}

/** The transport layer (RFC 3261 §18): sockets, flows, and the way of responses back. */
export class SipTransport {
  readonly #deps: SipTransportDeps;
  readonly #receiveBufferBytes: number;
  readonly #intake: MessageIntake;
  readonly #connections: ConnectionTable;
  readonly #connector: Connector;
  readonly #udp: UdpListener[] = [];
  readonly #streams: StreamListener[] = [];
  readonly #sendFailures: Counter;
  readonly #keepalives: Counter;
  #lastFlowId = 0;
  #stopped = false;

  constructor(deps: SipTransportDeps, options: SipTransportOptions = {}) {
    const { logger, metrics, random } = deps;
    this.#deps = deps;
    this.#receiveBufferBytes = options.receiveBufferBytes ?? 4_194_304;
    const respond = (response: SipResponse, via: ResponsePort, flow: Flow) =>
      this.sendResponse(response.encode(), via, flow);
    this.#intake = new MessageIntake({
      ...{ logger, metrics, random, respond },
      guard: deps.guard,
      trace: deps.trace,
    });
    this.#connections = new ConnectionTable(
      { clock: deps.clock, metrics, intake: this.#intake, guard: deps.guard, overload: deps.overload },
      {
        maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
        maxConnectionsPerHost: options.maxConnectionsPerHost ?? MAX_CONNECTIONS_PER_HOST,
      },
    );
    this.#connector = new Connector(
      {
        ...{ network: deps.network, logger, connections: this.#connections },
        nextFlowId: () => this.#nextFlowId(),
      },
      { connectTimeoutMs: options.connectTimeoutMs ?? 5_000, clientTls: options.clientTls },
    );
    deps.guard?.banned.on((source) => this.#connections.closeFrom(source));
    this.#sendFailures = metrics.counter('sip_send_failures_total', 'SIP messages that could not be sent');
    this.#keepalives = metrics.counter('sip_keepalives_received_total', 'Keepalive datagrams received');
  }

  /** The one owner of all messages that arrive; set before `listen`. */
  setHandler(handler: MessageHandler): void {
    this.#intake.setHandler(handler);
  }

  /** @throws CodedError 'address-in-use' | 'address-unavailable', TransportError 'unsupported-transport' */
  async listen(options: ListenOptions): Promise<BoundListener> {
    return options.transport === 'UDP' ? this.#listenUdp(options) : this.#listenStream(options);
  }

  get listeners(): readonly BoundListener[] {
    return [...this.#udp, ...this.#streams].map(({ bound }) => bound);
  }

  /** The flow to a target when none has to be opened: UDP, or a connection that stands. */
  flowToSync({ transport, address, name, from }: FlowTarget): Flow | undefined {
    if (transport !== 'UDP') return this.#connections.find(transport, address, name);
    return chooseListener(this.#udp, address, from)?.flow(address);
  }

  /**
   * The flow to a target; connections are re-used, and opened when there is none.
   * @throws TransportError 'no-listener' | 'too-many-connections' | 'unsupported-transport' | 'stopped', CodedError
   *   'connect-failed' | 'connect-timeout' | 'peer-refused'
   */
  async flowTo(target: FlowTarget): Promise<Flow> {
    const flow = this.flowToSync(target);
    if (flow !== undefined) return flow;
    const { transport, address, name } = target;
    if (transport === 'UDP') {
      throw new TransportError('no-listener', `no UDP socket reaches ${formatAddress(address)}`);
    }
    return this.#connector.connect(transport, address, name);
  }

  /**
   * Takes over a SIP connection of the overlay, whose other end proved to be the Node-ID `peer`. It is pinged when
   * idle, so that the loss of a peer shows (RFC 5626 §3.5.1, RFC 7904 §5.2).
   */
  adopt(connection: Connection, options: { peer: string }): Flow {
    return this.#connections.add(connection, {
      id: this.#nextFlowId(),
      transport: 'TLS',
      peer: options.peer,
    });
  }

  /**
   * Sends a response to where its request came from (RFC 3261 §18.2.2, RFC 3581 §4). Never throws: the client
   * retransmits, or gives up.
   * @param via the request's top Via, as stamped on arrival
   * @param flow the request's
   * @param callId for the trace, where it is known
   */
  sendResponse(data: Uint8Array, via: ResponsePort, flow: Flow, callId?: string): void {
    try {
      if (flow.reliable && !flow.open) this.#sendOverNewConnection(data, via, flow);
      else this.#transmit(data, this.#responseFlow(via, flow), callId);
    } catch (error) {
      this.#sendFailed(error, flow);
    }
  }

  /** The flow a response takes: over UDP its port may differ from the request's source port. */
  #responseFlow(via: ResponsePort, flow: Flow): Flow {
    if (flow.reliable) return flow;
    const port = responsePort(via);
    if (port === flow.remote.port) return flow;
    const address = { host: flow.remote.host, port };
    return chooseListener(this.#udp, address, flow.listener)?.flow(address) ?? flow;
  }

  /**
   * Sends on a flow; a failure is counted and told by the result.
   * @param callId for the trace, where it is known
   */
  send(data: Uint8Array, flow: Flow, callId?: string): boolean {
    try {
      this.#transmit(data, flow, callId);
      return true;
    } catch (error) {
      this.#sendFailed(error, flow);
      return false;
    }
  }

  /** Closes all sockets and connections. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const listeners = [...this.#udp.splice(0), ...this.#streams.splice(0).map(({ listener }) => listener)];
    this.#connector.stop();
    this.#connections.stop();
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  async #listenUdp({ host, port, advertised }: ListenOptions): Promise<BoundListener> {
    const udp = new UdpListener({
      intake: this.#intake,
      nextFlowId: () => this.#nextFlowId(),
      keepalives: this.#keepalives,
      guard: this.#deps.guard,
      overload: this.#deps.overload,
    });
    const handler = {
      onDatagram: (data: Buffer, from: Address) => udp.onDatagram(data, from),
      onError: (error: Error) => {
        this.#sendFailures.inc();
        this.#deps.logger.debug('UDP socket error', { error: error.message });
      },
    };
    const receiveBufferBytes = this.#receiveBufferBytes;
    const socket = await this.#deps.network.bindDatagram({ host, port }, handler, { receiveBufferBytes });
    const bound: BoundListener = {
      transport: 'UDP',
      local: socket.local,
      advertised: advertised ?? socket.local,
    };
    udp.attach(socket, bound);
    this.#udp.push(udp);
    return bound;
  }

  async #listenStream({ transport, host, port, advertised, tls }: ListenOptions): Promise<BoundListener> {
    const isSecure = transport === 'TLS' || transport === 'WSS';
    if (isSecure && tls === undefined) {
      throw new TransportError('unsupported-transport', `a ${transport} listener needs a certificate`);
    }
    let bound: BoundListener | undefined;
    const onConnection = (connection: Connection) => this.#accept(connection, transport, bound);
    const secured = isSecure ? tls : undefined;
    const listener = isWebSocket(transport)
      ? await this.#requireWebSockets().listen({ host, port }, onConnection, {
          protocol: WEB_SOCKET_PROTOCOL,
          ...(secured && { tls: secured }),
        })
      : await this.#deps.network.listen({ host, port }, onConnection, secured);
    bound = { transport, local: listener.local, advertised: advertised ?? listener.local };
    this.#streams.push({ bound, listener });
    return bound;
  }

  #accept(connection: Connection, transport: TransportName, listener: BoundListener | undefined): void {
    const { host } = connection.remote;
    if (this.#stopped || this.#deps.guard?.admits(host) === false || !this.#connections.admits(host)) {
      connection.destroy();
      return;
    }
    const id = this.#nextFlowId();
    this.#connections.add(
      connection,
      listener === undefined ? { id, transport } : { id, transport, listener },
    );
  }

  #requireWebSockets(): WebSockets {
    const { webSockets } = this.#deps;
    if (webSockets === undefined) throw new TransportError('unsupported-transport', 'no WebSockets here');
    return webSockets;
  }

  /** RFC 3261 §18.2.2: the connection is gone, so one is opened to the address and port the Via names. */
  #sendOverNewConnection(data: Uint8Array, via: ResponsePort, flow: Flow): void {
    // An overlay connection comes back under its Node-ID, by `rebindPeer`; a WebSocket client cannot be called.
    if (flow.peer !== undefined || isWebSocket(flow.transport)) {
      throw new TransportError('flow-closed', 'the connection is closed');
    }
    const port = via.port ?? defaultPort(flow.transport);
    const address = { host: flow.remote.host, port };
    this.flowTo({ transport: flow.transport, address }).then(
      (opened) => this.send(data, opened),
      (error) => this.#sendFailed(error, flow),
    );
  }

  #transmit(data: Uint8Array, flow: Flow, callId?: string): void {
    flow.send(data);
    this.#deps.trace?.sent(data, flow, callId);
  }

  #sendFailed(error: unknown, flow: Flow): void {
    this.#sendFailures.inc();
    this.#deps.logger.debug('cannot send', { to: formatAddress(flow.remote), error: errorMessage(error) });
  }

  #nextFlowId(): number {
    this.#lastFlowId += 1;
    return this.#lastFlowId;
  }
}
