import { dirname, relative, resolve } from 'node:path';
import { type Address, splitPin } from '../../base/index.ts';
import { nameServer } from '../../net/dns/name-server.ts';
import type { Trunk } from '../../p2psip/trunks.ts';
import type { Account } from '../../sip/auth/credentials.ts';
import type { DigestAlgorithm } from '../../sip/auth/digest.ts';
import type { TransportName } from '../../sip/transport/flow.ts';
import { ConfigError } from './config-error.ts';
import { looksAround } from './exposure.ts';
import type {
  AdminConfig,
  ConfigurationServer,
  DocumentFile,
  EnrollmentAccount,
  GatewayConfig,
  SipListen,
  TlsFiles,
  TraceConfig,
  TraceFileConfig,
} from './gateway-config.ts';
import { applyOverride, formatPath, type Override, parseOverride } from './overrides.ts';
import { findBreaches, isUrl } from './rules.ts';
import { configSchema, type ParsedConfig } from './schema.ts';
import {
  modeWarning,
  readCertificates,
  readConfigBytes,
  readConfigFile,
  readPassword,
  readSharedSecret,
  readToken,
} from './secret-file.ts';
import { readTlsIdentity } from './tls-files.ts';
import { parseUsers } from './users-file.ts';
import { parseYaml, validate, withoutNulls } from './yaml-file.ts';

const TRANSPORTS: Readonly<Record<string, TransportName>> = {
  udp: 'UDP',
  tcp: 'TCP',
  tls: 'TLS',
  ws: 'WS',
  wss: 'WSS',
};

export interface LoadedConfig {
  readonly config: GatewayConfig;
  /** What an operator should know and a peer can live with, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads a configuration file and the files it names.
 * @param file as the operator named it; relative paths in it are relative to it
 * @param sets `path=value` each, laid over what the file says
 * @throws ConfigError
 */
export function loadConfig(file: string, sets: readonly string[] = []): LoadedConfig {
  const overrides = sets.map(parseOverride);
  const mend = 'check the name given with -c';
  const tree = parseYaml(readConfigFile(file, { file, path: '', mend }), file);
  return buildConfig(tree, { file, directory: dirname(resolve(file)), overrides });
}

export interface BuildOptions {
  readonly file: string;
  /** What relative paths are relative to. */
  readonly directory: string;
  readonly overrides?: readonly Override[];
  /** Stands for the users file: a testnet makes its users itself. */
  readonly users?: readonly Account[];
}

/**
 * The same from a tree already in memory.
 * @throws ConfigError
 */
export function buildConfig(tree: unknown, options: BuildOptions): LoadedConfig {
  const { file, directory, overrides = [], users } = options;
  const fileOf = (path: string) => (overrides.some(covers(path)) ? `${file} (--set)` : file);
  const laid = overrides.reduce(applyOverride, tree);
  const parsed = validate(configSchema, withoutNulls(laid), fileOf);
  const breaches = findBreaches(users === undefined ? parsed : { ...parsed, users: file });
  if (breaches.length > 0) {
    throw new ConfigError(breaches.map((breach) => ({ file: fileOf(breach.path), ...breach })));
  }
  return new Resolver(parsed, { file, directory }).resolve(users);
}

/** Was this path, or a part of it, or something around it, given by the override? */
function covers(path: string): (override: Override) => boolean {
  return (override) => {
    const set = formatPath(override.path);
    const inside = (outer: string, inner: string) =>
      inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
    return inside(set, path) || inside(path, set);
  };
}

/** Turns a valid tree into the typed configuration: paths made absolute, secrets read, listeners paired. */
class Resolver {
  readonly #parsed: ParsedConfig;
  readonly #file: string;
  readonly #directory: string;
  readonly #warnings: string[] = [];

  constructor(parsed: ParsedConfig, { file, directory }: { file: string; directory: string }) {
    this.#parsed = parsed;
    this.#file = file;
    this.#directory = directory;
  }

  resolve(users: readonly Account[] | undefined): LoadedConfig {
    const { overlay, sip, data, durability, log, calls, accounting } = this.#parsed;
    const domains = sip.domains ?? [overlay.name];
    const config: GatewayConfig = {
      file: this.#file,
      overlay: {
        name: overlay.name,
        document: this.#document(),
        server: this.#server(),
        enroll: this.#enroll(),
        serverAuthorities: this.#serverAuthorities(),
        first: overlay.first,
        role: 'peer',
        listen: overlay.listen.map(toAddress),
        advertise: overlay.advertise.map(toAddress),
        bootstrap: overlay.bootstrap.map(toAddress),
        sipLinkPort: overlay['sip-link'],
        allow: overlay.allow?.map((id) => id.toLowerCase()),
        sharedSecret: this.#sharedSecret(),
        open: overlay.open,
        localDiscovery: looksAround(overlay),
        keyType: overlay.key,
      },
      sip: {
        mode: sip.mode,
        listen: sip.mode === 'off' ? [] : this.#sipListeners(),
        tls: sip.mode === 'off' ? [] : this.#sipCertificates(),
        tlsAuthorities: this.#tlsAuthorities(),
        ...(sip.dns && { nameServers: sip.dns.map(nameServer) }),
        domains,
        auth: sip.auth,
        digest: this.#digest(),
        expires: sip.expires,
        maxContacts: sip['max-contacts'],
        maxBindings: sip['max-bindings'],
        serviceRoute: sip['service-route'],
        gruu: sip.gruu,
        public: sip.public,
        allow: sip.allow,
        overload: sip.overload,
        emergency: sip.emergency,
        trunks: sip.trunks.map(toTrunk),
      },
      media: this.#media(),
      users: users ?? this.#readUsers(domains),
      admin: this.#admin(),
      data: data === 'memory' ? 'memory' : this.#absolute(data),
      durability,
      log,
      calls,
      accounting: accounting === undefined ? undefined : this.#absolute(accounting),
      trace: this.#trace(),
    };
    return { config, warnings: this.#warnings };
  }

  #document(): DocumentFile | undefined {
    const { document } = this.#parsed.overlay;
    if (document === undefined || isUrl(document)) return undefined;
    const path = this.#absolute(document);
    const mend = 'get the document from whoever runs the overlay, or leave it out for a self-signed overlay';
    const bytes = readConfigBytes(path, { file: this.#file, path: 'overlay.document', mend });
    return { shown: this.#shown(path), bytes };
  }

  #server(): ConfigurationServer | undefined {
    const { document, enroll, name } = this.#parsed.overlay;
    if (document !== undefined) {
      return isUrl(document) ? { shown: document, url: splitPin(document) } : undefined;
    }
    if (enroll === undefined) return undefined;
    return { shown: `the configuration server of ${name}`, url: undefined };
  }

  #enroll(): EnrollmentAccount | undefined {
    const { enroll } = this.#parsed.overlay;
    if (enroll === undefined) return undefined;
    const passwordFile = this.#absolute(enroll['password-file']);
    readPassword(passwordFile, { file: this.#file, path: 'overlay.enroll.password-file' });
    this.#warnAboutMode(passwordFile);
    return { username: enroll.username, passwordFile };
  }

  #serverAuthorities(): readonly Uint8Array[] | undefined {
    const file = this.#parsed.overlay['ca-file'];
    if (file === undefined) return undefined;
    return readCertificates(this.#absolute(file), { file: this.#file, path: 'overlay.ca-file' });
  }

  #sharedSecret(): Uint8Array | undefined {
    const file = this.#parsed.overlay['shared-secret-file'];
    if (file === undefined) return undefined;
    const path = this.#absolute(file);
    const secret = readSharedSecret(path, { file: this.#file, path: 'overlay.shared-secret-file' });
    this.#warnAboutMode(path);
    return secret;
  }

  /** `advertise` is per listener: the first udp:// one belongs to the first udp:// listener, and so on. */
  #sipListeners(): SipListen[] {
    const left = [...this.#parsed.sip.advertise];
    return this.#parsed.sip.listen.map((url) => {
      const at = left.findIndex(({ scheme }) => scheme === url.scheme);
      const advertise = at === -1 ? undefined : toAddress(left.splice(at, 1)[0]!);
      return { transport: TRANSPORTS[url.scheme]!, address: toAddress(url), advertise };
    });
  }

  #sipCertificates(): TlsFiles[] {
    return this.#parsed.sip.tls.map(({ cert, key }, i) => {
      const files = { cert: this.#absolute(cert), key: this.#absolute(key) };
      readTlsIdentity(files, { file: this.#file, path: `sip.tls[${i}]` });
      this.#warnAboutMode(files.key);
      return files;
    });
  }

  #tlsAuthorities(): readonly Uint8Array[] {
    const file = this.#parsed.sip['tls-ca'];
    if (file === undefined) return [];
    return readCertificates(this.#absolute(file), { file: this.#file, path: 'sip.tls-ca' });
  }

  #readUsers(domains: readonly string[]): Account[] {
    const { users, sip } = this.#parsed;
    if (users === undefined || sip.mode === 'off') return [];
    const path = this.#absolute(users);
    const naming = { file: this.#file, path: 'users', mend: 'make the file, or name another one' };
    const text = readConfigFile(path, naming);
    const shown = this.#shown(path);
    const records = parseUsers(text, shown, { domains, digest: this.#digest() });
    this.#warnAboutMode(path);
    return records;
  }

  #digest(): DigestAlgorithm[] {
    return this.#parsed.sip.digest.map((name) => (name === 'md5' ? 'MD5' : 'SHA-256'));
  }

  #admin(): AdminConfig | undefined {
    const { admin } = this.#parsed;
    if (admin === 'off') return undefined;
    const url = 'listen' in admin ? admin.listen : admin;
    const common = { listen: toAddress(url), isSecure: url.scheme === 'https' };
    const tokenFile = 'listen' in admin ? admin['token-file'] : undefined;
    if (tokenFile === undefined) return { ...common, token: undefined };
    const path = this.#absolute(tokenFile);
    const token = readToken(path, { file: this.#file, path: 'admin.token-file' });
    this.#warnAboutMode(path);
    return { ...common, token };
  }

  #media(): GatewayConfig['media'] {
    const { relay, rtpengine } = this.#parsed.media;
    return relay === 'never' ? undefined : { policy: relay, rtpengine: toAddress(rtpengine) };
  }

  #trace(): TraceConfig | undefined {
    const { trace } = this.#parsed;
    if (trace === undefined) return undefined;
    const { file, hep, keep, 'max-mb': megabytes, 'capture-id': captureId } = trace;
    return {
      file: file === undefined ? undefined : this.#traceFile(file, { maxBytes: megabytes * 1_000_000, keep }),
      hep: hep === undefined ? undefined : { server: toAddress(hep), captureId },
    };
  }

  #traceFile(file: string, bounds: Pick<TraceFileConfig, 'maxBytes' | 'keep'>): TraceFileConfig {
    return {
      path: this.#absolute(file),
      format: file.endsWith('.pcapng') ? 'pcapng' : 'hex',
      ...bounds,
    };
  }

  #warnAboutMode(path: string): void {
    const warning = modeWarning(path, this.#shown(path));
    if (warning !== undefined) this.#warnings.push(warning);
  }

  #absolute(path: string): string {
    return resolve(this.#directory, path);
  }

  /** The path as the operator would type it: relative where that is shorter. */
  #shown(path: string): string {
    const fromHere = relative(process.cwd(), path);
    return fromHere !== '' && fromHere.length < path.length ? fromHere : path;
  }
}

function toAddress({ host, port }: { host: string; port: number }): Address {
  return { host, port };
}

function toTrunk(parsed: ParsedConfig['sip']['trunks'][number]): Trunk {
  const { match, to, peers = [], from, identity, share } = parsed;
  return {
    match: new RegExp(match),
    to: to ?? peers.map((peer) => peer.toLowerCase()),
    from,
    trustsIdentity: identity === 'trusted',
    isShared: share,
  };
}
