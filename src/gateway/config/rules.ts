import { formatAddress, isLoopback, isWildcard, splitPin } from '../../base/index.ts';
import { looksAround, tooOpen } from './exposure.ts';
import type { ParsedConfig } from './schema.ts';

/** One broken rule: where, what, and what to do. */
export interface Breach {
  readonly path: string;
  readonly problem: string;
  readonly mend: string;
}

interface Url {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/** What a schema cannot say: how keys bear on each other, and what this version does not do yet. */
export function findBreaches(config: ParsedConfig): Breach[] {
  return [
    ...notInThisVersion(config),
    ...serverRules(config),
    ...bootstrapRules(config),
    ...selfSignedRules(config),
    ...sipRules(config),
    ...trunkRules(config),
    ...enrolledUserRules(config),
    ...adminRules(config),
    ...portClashes(config),
  ];
}

function* notInThisVersion({ overlay }: ParsedConfig): Generator<Breach> {
  const refuse = (path: string, what: string, mend: string): Breach => ({
    path,
    problem: `${what} not implemented in this version`,
    mend,
  });
  if (overlay.role === 'client') yield refuse('overlay.role', 'the client role is', 'use role: peer');
  for (const [key, urls] of [
    ['listen', overlay.listen],
    ['bootstrap', overlay.bootstrap],
  ] as const) {
    for (const [i, { scheme }] of urls.entries()) {
      if (scheme === 'dtls') yield refuse(`overlay.${key}[${i}]`, 'DTLS links are', 'use tls://');
    }
  }
}

/** Whether the text names a server rather than a file. */
export function isUrl(document: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(document);
}

/** Whether there is a document: in a file, or on a server that is named or found by the overlay's name. */
function isDocumented({ document, enroll }: ParsedConfig['overlay']): boolean {
  return document !== undefined || enroll !== undefined;
}

function* serverRules({ overlay }: ParsedConfig): Generator<Breach> {
  const { document = '', enroll } = overlay;
  if (isUrl(document) && splitPin(document) === undefined) {
    yield {
      path: 'overlay.document',
      problem: `${document} is not an https URL of a configuration server`,
      mend: 'write https://HOST[:PORT]/ or, with the pin of its root, https://HOST[:PORT]/#sha256=HEX',
    };
  }
  if (overlay['ca-file'] !== undefined && !isUrl(document) && enroll === undefined) {
    yield {
      path: 'overlay.ca-file',
      problem: 'there is no server whose certificate it could prove',
      mend: 'leave it out',
    };
  }
}

function* bootstrapRules({ overlay }: ParsedConfig): Generator<Breach> {
  // A document may name some: it is looked at when it is read. The local network may have some.
  const isLone = !overlay.first && overlay.bootstrap.length === 0 && !looksAround(overlay);
  if (isLone && !isDocumented(overlay)) {
    // RFC 6940 §6.4.2.1: only a node told to be the first may start a ring alone (A18).
    yield {
      path: 'overlay.bootstrap',
      problem: 'there is no peer to join through',
      mend: 'name one (bootstrap: [tls://HOST:PORT]), or write first: true on the peer that starts the overlay',
    };
  }
  for (const [i, url] of overlay.bootstrap.entries()) {
    if (overlay.listen.some((own) => own.port === url.port && own.host === url.host && url.port !== 0)) {
      yield {
        path: `overlay.bootstrap[${i}]`,
        problem: `${formatAddress(url)} is this peer's own overlay.listen`,
        mend: 'name another peer of the overlay',
      };
    }
    if (url.port === 0) {
      yield {
        path: `overlay.bootstrap[${i}]`,
        problem: 'has port 0',
        mend: 'give the port the other peer listens on',
      };
    }
  }
}

/** A document says itself whether the overlay is self-signed: it is looked at when it is read. */
function* selfSignedRules({ overlay }: ParsedConfig): Generator<Breach> {
  if (isDocumented(overlay)) return;
  const breach = tooOpen({ ...overlay, hasSecret: overlay['shared-secret-file'] !== undefined });
  if (breach !== undefined) yield breach;
}

function* sipRules({ overlay, sip, users }: ParsedConfig): Generator<Breach> {
  const { min, default: usual, max } = sip.expires;
  if (min > usual || usual > max) {
    yield {
      path: 'sip.expires',
      problem: `min ${min}, default ${usual}, max ${max} are not in order`,
      mend: 'make min <= default <= max',
    };
  }
  if (sip.mode === 'off') return;
  if (sip.listen.length === 0) {
    yield { path: 'sip.listen', problem: 'is empty', mend: 'name an address, or write sip.mode: off' };
  }
  for (const [i, { scheme }] of sip.listen.entries()) {
    if ((scheme === 'tls' || scheme === 'wss') && sip.tls.length === 0) {
      yield {
        path: `sip.listen[${i}]`,
        problem: `${scheme}:// needs a certificate`,
        mend: 'name one (sip.tls: {cert: ./sip.pem, key: ./sip.key}), or use udp:// tcp:// ws://',
      };
    }
  }
  if (sip.auth === 'digest' && users === undefined && overlay.enroll === undefined) {
    yield {
      path: 'users',
      problem: 'sip.auth is digest, but there is no users file',
      mend: 'name one (users: ./users.yaml), or write sip.auth: none',
    };
  }
  for (const [i, { scheme }] of sip.advertise.entries()) {
    const nth = sip.advertise.slice(0, i).filter((other) => other.scheme === scheme).length;
    if (sip.listen.filter((listener) => listener.scheme === scheme).length <= nth) {
      yield {
        path: `sip.advertise[${i}]`,
        problem: `there is no ${scheme}:// listener left for it`,
        mend: `add one to sip.listen, or take this out`,
      };
    }
  }
}

function* trunkRules({ sip }: ParsedConfig): Generator<Breach> {
  if (sip.trunks.length === 0 || sip.mode === 'off') return;
  if (sip.auth === 'none') {
    yield {
      path: 'sip.trunks',
      problem: 'with sip.auth: none anybody could call out at your expense',
      mend: 'write sip.auth: digest',
    };
  }
  if (sip.mode === 'redirect') {
    yield { path: 'sip.trunks', problem: 'a redirector makes no calls', mend: 'write sip.mode: proxy' };
  }
  for (const [i, { to, peers, share }] of sip.trunks.entries()) {
    const path = `sip.trunks[${i}]`;
    if ((to === undefined) === (peers === undefined)) {
      yield { path, problem: 'has to say where calls go', mend: 'write either to: or peers:' };
    } else if (share && peers !== undefined) {
      yield { path, problem: 'is at other peers, so it is theirs to share', mend: 'take share out' };
    }
  }
}

/** An enrollment server knows the users, and gives their certificates for digest responses in the overlay's realm. */
function* enrolledUserRules({ overlay, sip, users }: ParsedConfig): Generator<Breach> {
  if (overlay.enroll === undefined || sip.mode === 'off') return;
  const [realm = overlay.name] = sip.domains ?? [];
  if (realm.toLowerCase() !== overlay.name.toLowerCase()) {
    yield {
      path: 'sip.domains',
      problem: `${realm} comes first, but the enrollment server knows users of ${overlay.name} only`,
      mend: `put ${overlay.name} first`,
    };
  }
  if (sip.auth !== 'digest') {
    yield {
      path: 'sip.auth',
      problem: 'the enrollment server wants to see the digest response of each user',
      mend: 'write sip.auth: digest',
    };
  }
  if (users !== undefined) {
    yield {
      path: 'users',
      problem: 'the enrollment server knows the users, so the file would not be read',
      mend: 'leave it out, and create its users with p2psip user add',
    };
  }
}

function* adminRules({ admin, sip }: ParsedConfig): Generator<Breach> {
  if (admin === 'off') return;
  const listen = 'listen' in admin ? admin.listen : admin;
  if (listen.scheme === 'https' && (sip.mode === 'off' || sip.tls.length === 0)) {
    yield {
      path: 'admin',
      problem: 'https shows a certificate of sip.tls, and there is none',
      mend: 'write sip.tls: {cert: FILE, key: FILE}, or use http',
    };
  }
  const guarded = 'listen' in admin && admin['token-file'] !== undefined;
  if (isLoopback(listen.host) || guarded) return;
  yield {
    path: 'admin',
    problem: `${formatAddress(listen)} is open to others without a token`,
    mend: 'write admin: {listen: URL, token-file: FILE}, or use 127.0.0.1',
  };
}

/** Two listeners of ours on one port: found here, since the kernel's answer would not name the key. */
function* portClashes({ overlay, sip, admin }: ParsedConfig): Generator<Breach> {
  const listeners: { path: string; url: Url }[] = [
    ...overlay.listen.map((url, i) => ({ path: `overlay.listen[${i}]`, url })),
    ...(sip.mode === 'off' ? [] : sip.listen.map((url, i) => ({ path: `sip.listen[${i}]`, url }))),
    ...(admin === 'off' ? [] : [{ path: 'admin', url: 'listen' in admin ? admin.listen : admin }]),
  ];
  for (const [i, { path, url }] of listeners.entries()) {
    const other = listeners.slice(0, i).find((earlier) => clash(earlier.url, url));
    if (other === undefined) continue;
    yield {
      path,
      problem: `${formatAddress(url)} is taken by ${other.path} already`,
      mend: 'give one of them another port',
    };
  }
}

function clash(a: Url, b: Url): boolean {
  if (a.port === 0 || a.port !== b.port || isDatagram(a) !== isDatagram(b)) return false;
  return a.host === b.host || isWildcard(a.host) || isWildcard(b.host);
}

function isDatagram({ scheme }: Url): boolean {
  return scheme === 'udp' || scheme === 'dtls';
}
