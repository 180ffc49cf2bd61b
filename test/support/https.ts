import { createPrivateKey, generateKeyPairSync, hash, type KeyObject } from 'node:crypto';
import type { HttpClient, HttpHandler, HttpResponse, TlsIdentity } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import {
  buildRootCertificate,
  buildServerCertificate,
  keyIdOf,
} from '../../src/reload/security/authority-certificates.ts';

const DAY_MS = 86_400_000;
const random = new SeededRandom(7);

export interface ServerNames {
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly Uint8Array[];
  readonly notAfter?: number;
}

/** A root that issues certificates of HTTPS servers. */
export class HttpsAuthority {
  readonly root: Uint8Array;
  readonly #key: KeyObject;
  readonly #keyId: Uint8Array;
  readonly #name: string;

  constructor(name = 'Test root') {
    const { privateKey, spki } = newKey();
    this.#name = name;
    this.#key = privateKey;
    this.#keyId = keyIdOf(spki);
    this.root = buildRootCertificate({ name, spki, ...validity() }, privateKey);
  }

  /** SHA-256 of the root, as a URL pins it. */
  get pin(): string {
    return hash('sha256', this.root, 'hex');
  }

  /** For localhost and 127.0.0.1 if nothing else is said; the root is in its chain. */
  server({
    dnsNames = ['localhost'],
    ipAddresses = [Uint8Array.of(127, 0, 0, 1)],
    notAfter,
  }: ServerNames = {}): TlsIdentity {
    const { privateKey, spki } = newKey();
    const template = { spki, ...validity(), dnsNames, ipAddresses, ...(notAfter && { notAfter }) };
    const der = buildServerCertificate(template, { name: this.#name, keyId: this.#keyId }, this.#key);
    return { certificates: [der, this.root], privateKey };
  }
}

function newKey(): { privateKey: KeyObject; spki: Uint8Array } {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // A key that was exported and read again, as one from a file.
  const privateKey = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { privateKey, spki: pair.publicKey.export({ type: 'spki', format: 'der' }) };
}

function validity() {
  return {
    serial: random.bytes(8),
    notBefore: Date.now() - 30 * DAY_MS,
    notAfter: Date.now() + 30 * DAY_MS,
  };
}
/** A client whose requests go straight to a handler, as if TLS had let them through. */
export function directClient(handler: HttpHandler, remote = { host: '192.0.2.1', port: 40_000 }): HttpClient {
  return {
    request: ({ method, url, headers = {}, body = new Uint8Array(), tls }): Promise<HttpResponse> => {
      const { pathname, searchParams } = new URL(url);
      const certificate = tls?.identity?.certificates[0];
      return handler({
        method,
        path: pathname,
        query: searchParams,
        headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
        body,
        remote,
        ...(certificate && { clientCertificate: certificate }),
      });
    },
    close: () => {},
  };
}
