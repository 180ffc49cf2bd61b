import type { Address } from '../../base/index.ts';
import type { Trunk } from '../../p2psip/trunks.ts';
import type { Account } from '../../sip/auth/credentials.ts';
import type { DigestAlgorithm } from '../../sip/auth/digest.ts';
import type { TransportName } from '../../sip/transport/flow.ts';

/** The whole configuration of one peer: validated, defaults filled in, relative paths made absolute. */
export interface GatewayConfig {
  /** The file it was read from, as the operator named it; for messages. */
  readonly file: string;
  readonly overlay: OverlayConfig;
  readonly sip: SipConfig;
  /** Which calls' media goes by rtpengine, and where that listens for commands; undefined: no call's. */
  readonly media: { readonly policy: 'nat' | 'always'; readonly rtpengine: Address } | undefined;
  /** Who may register and call here, from the users file. */
  readonly users: readonly Account[];
  /** Undefined when the admin interface is off. */
  readonly admin: AdminConfig | undefined;
  /** An absolute directory, or 'memory'. */
  readonly data: string;
  /** `commit`: acknowledged once committed (survives kill -9). `power`: once flushed to disk as well. */
  readonly durability: 'commit' | 'power';
  readonly log: LogConfig;
  readonly calls: CallsConfig;
  /** File for one JSON record of each call. */
  readonly accounting: string | undefined;
  /** Where the messages of this peer go for others to look at; undefined: nowhere. */
  readonly trace: TraceConfig | undefined;
}

export interface TraceConfig {
  readonly file: TraceFileConfig | undefined;
  /** A capture server that takes HEP version 3. */
  readonly hep: { readonly server: Address; readonly captureId: number } | undefined;
}

export interface TraceFileConfig {
  /** Absolute. */
  readonly path: string;
  /** `pcapng`: SIP and RELOAD, for Wireshark. `hex`: RELOAD alone, one message a line, without a bound. */
  readonly format: 'pcapng' | 'hex';
  /** Bytes, after which a pcapng file is moved aside. */
  readonly maxBytes: number;
  /** Files moved aside that are kept. */
  readonly keep: number;
}

export interface OverlayConfig {
  readonly name: string;
  /** The configuration document, not looked at yet; undefined: from `server`, or the one all self-signed overlays imply. */
  readonly document: DocumentFile | undefined;
  /** Where the document is fetched; undefined: nowhere. */
  readonly server: ConfigurationServer | undefined;
  /** Our account at the enrollment server; undefined: none. */
  readonly enroll: EnrollmentAccount | undefined;
  /** DER: the only authorities for the two servers' TLS certificates; undefined: those that the system trusts. */
  readonly serverAuthorities: readonly Uint8Array[] | undefined;
  readonly first: boolean;
  readonly role: 'peer';
  /** Where TLS links are accepted; port 0 = any. */
  readonly listen: readonly Address[];
  /** Where other peers reach `listen`, behind NAT; empty: at its own addresses. */
  readonly advertise: readonly Address[];
  /** Peers to join through; the host may be a name. */
  readonly bootstrap: readonly Address[];
  /** Port of the TLS listener for SIP between peers; 0 = any. */
  readonly sipLinkPort: number;
  /** The only Node-IDs that may link to us (lower-case hex); undefined = any. */
  readonly allow: readonly string[] | undefined;
  /** RFC 6940 §13.4: only who has it can link to us; undefined: that of the document, if it has one. */
  readonly sharedSecret: Uint8Array | undefined;
  /** The operator accepts that anybody who reaches the overlay may join it. */
  readonly open: boolean;
  /** Peers on the local network are looked for, and this one is announced there (mDNS, multicast-bootstrap). */
  readonly localDiscovery: boolean;
  /** Key type of an identity made at the first start. */
  readonly keyType: 'ec' | 'rsa';
}

export interface DocumentFile {
  /** Its name as the operator would type it. */
  readonly shown: string;
  readonly bytes: Uint8Array;
}

export interface ConfigurationServer {
  /** For messages. */
  readonly shown: string;
  /** With the pin taken off; undefined: found by the overlay's name (RFC 6940 §11.2). */
  readonly url: { readonly url: string; readonly pin?: string } | undefined;
}

export interface EnrollmentAccount {
  readonly username: string;
  /** Absolute. It was readable when the configuration was; its content is read each time it is needed. */
  readonly passwordFile: string;
}

export type SipMode = 'proxy' | 'redirect' | 'off';

export interface SipListen {
  readonly transport: TransportName;
  /** An IP literal, possibly a wildcard; port 0 = any. */
  readonly address: Address;
  /** What phones and other servers reach this listener by, when not by its own address. */
  readonly advertise: Address | undefined;
}

/** Absolute file names. Their content was good when the configuration was read; it is read again when it changes. */
export interface TlsFiles {
  /** PEM, the leaf first, then what leads to its authority. */
  readonly cert: string;
  readonly key: string;
}

export interface SipConfig {
  readonly mode: SipMode;
  /** Empty when the mode is `off`. */
  readonly listen: readonly SipListen[];
  /** Certificates of the tls:// and wss:// listeners; the first is for clients that ask for no name, or for another one. */
  readonly tls: readonly TlsFiles[];
  /** DER of authorities that SIP servers we connect to may have, besides the well-known ones. */
  readonly tlsAuthorities: readonly Uint8Array[];
  /** Asked for other domains and hosts; left out: the system's name servers. */
  readonly nameServers?: readonly Address[];
  /** Lower case; the first is the realm. */
  readonly domains: readonly string[];
  readonly auth: 'digest' | 'none';
  /** Challenges in the order in which they are sent. */
  readonly digest: readonly DigestAlgorithm[];
  /** Seconds. */
  readonly expires: { readonly min: number; readonly default: number; readonly max: number };
  readonly maxContacts: number;
  /** Of all users together. */
  readonly maxBindings: number;
  /** Whether phones are told to send their calls to the peer they are registered at (RFC 3608). */
  readonly serviceRoute: boolean;
  /** Whether phones that ask for them are given GRUUs (RFC 5627); never in `redirect` mode. */
  readonly gruu: boolean;
  /** `sip:host:port` URIs published for redirectors; empty = derive them from the listeners. */
  readonly public: readonly string[];
  /** Sources (address or CIDR prefix) never limited or banned. */
  readonly allow: readonly string[];
  readonly trunks: readonly Trunk[];
  /** Whether requests are turned away while there are more than can be served. */
  readonly overload: boolean;
  /** Users of Request-URIs whose calls are turned away last. */
  readonly emergency: readonly string[];
}

export interface AdminConfig {
  readonly listen: Address;
  /** By https, with the certificates of `sip.tls`. */
  readonly isSecure: boolean;
  /** The bearer token callers must show; undefined = none, loopback only. */
  readonly token: string | undefined;
}

export interface CallsConfig {
  /** Calls that are over, kept in memory with their messages for the admin interface; 0: none are followed. */
  readonly keep: number;
}

export interface LogConfig {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly format: 'text' | 'json';
}
