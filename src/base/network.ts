import type { KeyObject } from 'node:crypto';

/** An IP literal (IPv6 without brackets) and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host;
}

/** True for 0.0.0.0 and ::. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Whether a host that was checked already, without brackets, is an address and no name. */
export function isAddressLiteral(host: string): boolean {
  return host.includes(':') || /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(host);
}

/** True for 127/8 and ::1. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.');
}

/** True for 169.254/16 and fe80::/10, which mean something on one link only. */
export function isLinkLocal(host: string): boolean {
  return host.startsWith('169.254.') || /^fe[89ab]/i.test(host);
}

/** True for 224/4 and ff00::/8. */
export function isMulticast(host: string): boolean {
  return /^(22[4-9]|23\d)\./.test(host) || /^ff/i.test(host);
}

/** True for addresses of IPv4 that end in 255, as those of most networks' broadcasts do. */
export function isBroadcast(host: string): boolean {
  return /^[\d.]+\.255$/.test(host);
}

export interface DatagramHandler {
  onDatagram(data: Buffer, from: Address): void;
  /** The socket failed or reported an ICMP error; it stays usable. */
  onError?(error: Error): void;
}

export interface DatagramSocket {
  readonly local: Address;
  /** @param data kept by reference until it has left, at the end of this turn of the event loop at the latest */
  send(data: Uint8Array, to: Address): void;
  close(): Promise<void>;
}

/** One owner takes a connection's bytes: set once, before the next turn of the event loop. */
export interface ConnectionHandler {
  onData(chunk: Buffer): void;
  /** Where `onData` gets whole messages: so much was read since the last one, bytes. */
  onPart?(heldBytes: number): void;
  /** Called exactly once, also after our own `end` or `destroy`. */
  onClose(error?: Error): void;
}

/** A TCP or TLS byte stream. */
export interface Connection {
  readonly local: Address;
  readonly remote: Address;
  /** The peer's certificates as DER, leaf first; empty on plain TCP or when none was presented. */
  readonly peerCertificates: readonly Uint8Array[];
  /** A text that only the two ends of this TLS session know, the same on both (RFC 5705); none on plain TCP. */
  readonly channelBinding?: string | undefined;
  /** Bytes accepted by `send` and not yet handed to the kernel. */
  readonly bufferedBytes: number;
  setHandler(handler: ConnectionHandler): void;
  send(data: Uint8Array): void;
  /** Reads nothing until `resume`, so that the peer has to wait; what was read already may still come. */
  pause(): void;
  resume(): void;
  /** Flushes what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(error?: Error): void;
}

/** Our side of a TLS handshake. */
export interface TlsIdentity {
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  readonly privateKey: KeyObject;
}

/** A secret that both ends of a TLS session know beforehand (RFC 4279). */
export interface PresharedKey {
  /** Names the key to the other side, in the clear. */
  readonly identity: string;
  /** At most 256 bytes. */
  readonly key: Uint8Array;
}

/** Whom a client wants to reach, and who may vouch for it. */
export interface TlsServer {
  /** A host name or IP address. Wildcards in certificates do not count (RFC 5922 §7.2). */
  readonly name: string;
  /** DER of authorities that are trusted besides the well-known ones. */
  readonly authorities: readonly Uint8Array[];
}

/**
 * TLS with mutual authentication when `verifyPeer` is given. A client that gives neither `verifyPeer` nor `server` checks
 * nothing but the cipher.
 */
export interface TlsOptions {
  /** Of a client: the server must prove this name by a chain to a trusted authority. */
  readonly server?: TlsServer;
  /** A listener asks for it at each handshake, so that a new certificate counts from then on. */
  readonly identity?: TlsIdentity;
  /** Of a listener: the identity for the server name that the client asks for (SNI, RFC 6066 §3); undefined: `identity`. */
  readonly identityFor?: (serverName: string) => TlsIdentity | undefined;
  /**
   * The key that lets others in, asked for at each handshake. No certificate is shown or asked for then, so `identity` and
   * `verifyPeer` have no part in it: the two ends know of each other only that both have the key.
   */
  readonly presharedKey?: () => PresharedKey;
  /** Of a listener: somebody was turned away, by `verifyPeer` or for another preshared key, and why. */
  readonly onRefused?: (reason: Error, from: string) => void;
  /**
   * Both sides prove possession of their key in the handshake; this decides whether the certificate is welcome.
   * Throws to refuse: the connection is closed before any byte of the application is read. The array is the one
   * that the connection then has as `peerCertificates`.
   */
  readonly verifyPeer?: (certificates: readonly Uint8Array[]) => void;
}

export interface Listener {
  readonly local: Address;
  close(): Promise<void>;
}

/** Accepts WebSocket connections (RFC 6455): each `onData` of theirs is one whole message, each `send` makes one. */
export interface WebSockets {
  /**
   * @param options.protocol the subprotocol that a client must offer
   * @param options.tls for wss
   * @throws CodedError 'address-in-use' | 'address-unavailable'
   */
  listen(
    local: Address,
    onConnection: (connection: Connection) => void,
    options: { readonly protocol: string; readonly tls?: TlsOptions },
  ): Promise<Listener>;
}

/** The network as protocol code sees it. `src/net` makes it real, `src/base/virtual` simulates it. */
export interface Network {
  /**
   * @param options.receiveBufferBytes asks for this SO_RCVBUF
   * @throws CodedError 'address-in-use' | 'address-unavailable'
   */
  bindDatagram(
    local: Address,
    handler: DatagramHandler,
    options?: { receiveBufferBytes?: number },
  ): Promise<DatagramSocket>;
  /** TCP, or TLS when `tls` is given (connections are reported after the handshake and `verifyPeer`). */
  listen(local: Address, onConnection: (connection: Connection) => void, tls?: TlsOptions): Promise<Listener>;
  /** @throws CodedError 'connect-failed' | 'connect-timeout' | 'peer-refused' | 'secret-refused' */
  connect(
    remote: Address,
    options?: { tls?: TlsOptions; timeoutMs?: number; signal?: AbortSignal },
  ): Promise<Connection>;
  /** The addresses of this host's interfaces, loopback included. */
  interfaceAddresses(): readonly string[];
  /** The address the kernel would send from towards `remoteHost`. */
  localAddressTowards(remoteHost: string): Promise<string>;
}
