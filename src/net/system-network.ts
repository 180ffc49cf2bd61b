import { networkInterfaces } from 'node:os';
import type {
  Address,
  Connection,
  DatagramHandler,
  DatagramSocket,
  Listener,
  Network,
  TlsOptions,
} from '../base/index.ts';
import { LocalAddresses } from './local-addresses.ts';
import { type ConnectOptions, openStream } from './stream-connector.ts';
import { StreamListener } from './stream-listener.ts';
import { SystemDatagramSocket } from './system-datagram-socket.ts';

/** The machine's network: UDP, TCP and TLS of Node. Binding throws CodedError<BindErrorCode>. */
export class SystemNetwork implements Network {
  readonly #localAddresses = new LocalAddresses();

  bindDatagram(
    local: Address,
    handler: DatagramHandler,
    options?: { receiveBufferBytes?: number },
  ): Promise<DatagramSocket> {
    return SystemDatagramSocket.bind(local, handler, options);
  }

  listen(
    local: Address,
    onConnection: (connection: Connection) => void,
    tls?: TlsOptions,
  ): Promise<Listener> {
    return StreamListener.listen(local, onConnection, tls);
  }

  connect(remote: Address, options: ConnectOptions = {}): Promise<Connection> {
    return openStream(remote, options);
  }

  /** Without link-local IPv6, which means nothing elsewhere. */
  interfaceAddresses(): readonly string[] {
    return Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ scopeid }) => !scopeid)
      .map(({ address }) => address);
  }

  localAddressTowards(remoteHost: string): Promise<string> {
    return this.#localAddresses.towards(remoteHost);
  }
}
