import { hash, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, errorMessage, type Random, toHex } from '../../base/index.ts';
import { readDocument } from '../../reload/document/document-reader.ts';
import { verifyFirstDocument } from '../../reload/document/document-verification.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { CHORD_RELOAD, requireSupported } from '../../reload/document/supported.ts';
import {
  type CertifiedKey,
  type NewOverlayOptions,
  newOverlay,
} from '../../reload/enrollment/new-overlay.ts';
import type { Revocations } from '../../reload/enrollment/revocations.ts';
import { keyIdOf } from '../../reload/security/authority-certificates.ts';
import { Certificate } from '../../reload/security/certificate.ts';
import type { Issuer } from '../../reload/security/certificate-builder.ts';
import { Signer } from '../../reload/security/signature.ts';
import { readOptional, writePrivate } from '../persistence/private-files.ts';
import { AuthorityError, parseJson } from './authority-error.ts';
import { loadKey, saveKey } from './key-files.ts';

const DOCUMENT = 'overlay.xml';
const REVOCATIONS = 'revocations.json';
const URL_FILE = 'enrollment.url';
const OFFLINE = 'offline';

const TOPOLOGIES: ReadonlySet<string> = new Set([CHORD_RELOAD]);

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The directory of an overlay's authority, as `overlay create` makes it: `overlay.xml`, `issuer`, `signer` and `server`
 * as `.pem` and `.key`, `accounts/`, `nodes/`, and `offline/` with the root, which nothing reads again.
 */
export class AuthorityDirectory {
  readonly path: string;
  readonly #deps: Deps;

  private constructor(deps: Deps, path: string) {
    this.#deps = deps;
    this.path = path;
  }

  /**
   * Makes an overlay in a directory that is not there yet, or is empty.
   * @throws AuthorityError 'overlay-exists' | 'bad-value'
   */
  static create(deps: Deps, path: string, options: NewOverlayOptions): AuthorityDirectory {
    requireEmpty(path);
    const overlay = newOverlay(deps, options);
    const directory = new AuthorityDirectory(deps, path);
    const offline = join(path, OFFLINE);
    const { accounts, nodes } = directory.places;
    for (const made of [path, offline, accounts, nodes]) {
      mkdirSync(made, { recursive: true, mode: 0o700 });
    }
    chmodSync(path, 0o700);
    saveKey(offline, 'root', overlay.root);
    saveKey(path, 'issuer', overlay.issuer);
    saveKey(path, 'signer', overlay.signer);
    saveKey(path, 'server', overlay.server);
    // Last: only now there is an overlay.
    writePrivate(join(path, DOCUMENT), overlay.document);
    writePrivate(join(path, URL_FILE), `${enrollmentUrl(directory.document(), overlay.server)}\n`);
    return directory;
  }

  /** @throws AuthorityError 'overlay-missing' */
  static open(deps: Deps, path: string): AuthorityDirectory {
    if (!existsSync(join(path, DOCUMENT))) {
      const mend = `make one: p2psip overlay create NAME --dir ${path}`;
      throw new AuthorityError('overlay-missing', `${path} holds no overlay; ${mend}`);
    }
    return new AuthorityDirectory(deps, path);
  }

  /** Directories of the account store. */
  get places(): { readonly accounts: string; readonly nodes: string } {
    return { accounts: join(this.path, 'accounts'), nodes: join(this.path, 'nodes') };
  }

  /** Whether the root's key still lies here. */
  get hasRootKey(): boolean {
    return existsSync(join(this.path, OFFLINE, 'root.key'));
  }

  /** Changes whenever the document or the server's certificate was written. */
  version(): string {
    return [DOCUMENT, 'server.pem', 'server.key']
      .map((name) => statSync(join(this.path, name), { throwIfNoEntry: false }))
      .map((stat) => `${stat?.mtimeMs}:${stat?.ino}:${stat?.size}`)
      .join(' ');
  }

  /**
   * The document in force, verified as a joining peer does, but that an expired one is taken too: it is to be renewed.
   * @throws AuthorityError 'overlay-damaged'
   */
  document(): OverlayDocument {
    const file = join(this.path, DOCUMENT);
    try {
      const document = readDocument(readFileSync(file));
      const { clock } = this.#deps;
      const now = Math.min(clock.now(), (document.expiresAt ?? Infinity) - 1);
      const standing: Clock = {
        now: () => now,
        monotonic: () => clock.monotonic(),
        setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
        afterTurn: (callback) => clock.afterTurn(callback),
      };
      verifyFirstDocument({ clock: standing }, document);
      requireSupported(document, TOPOLOGIES);
      return document;
    } catch (cause) {
      const problem = `${file} cannot be used (${errorMessage(cause)})`;
      throw new AuthorityError(
        'overlay-damaged',
        `${problem}; bring it back from a backup, and change it with p2psip overlay update`,
        { cause },
      );
    }
  }

  writeDocument({ source }: OverlayDocument): void {
    writePrivate(join(this.path, DOCUMENT), source!.bytes);
  }

  revocations(): Revocations {
    const file = join(this.path, REVOCATIONS);
    const text = readOptional(file);
    if (text === undefined) return { users: new Map(), nodes: new Map() };
    const { users, nodes } = parseJson<Record<'users' | 'nodes', Record<string, number>>>(file, text);
    return { users: new Map(Object.entries(users)), nodes: new Map(Object.entries(nodes)) };
  }

  writeRevocations({ users, nodes }: Revocations): void {
    const text = JSON.stringify({ users: Object.fromEntries(users), nodes: Object.fromEntries(nodes) });
    writePrivate(join(this.path, REVOCATIONS), `${text}\n`);
  }

  /** Signs documents. */
  signer(): Signer {
    const { certificates, privateKey } = loadKey(this.path, 'signer');
    const certificate = Certificate.parse(certificates[0]!);
    return new Signer({ certificate, nodeId: certificate.nodeIds[0]! }, privateKey);
  }

  /** Issues certificates of nodes. */
  issuer(): { readonly issuer: Issuer; readonly key: CertifiedKey['privateKey'] } {
    const { certificates, privateKey: key } = loadKey(this.path, 'issuer');
    const { subject, publicKey } = new X509Certificate(certificates[0]!);
    const keyId = keyIdOf(publicKey.export({ type: 'spki', format: 'der' }));
    return { issuer: { name: subject.replace(/^CN=/, ''), keyId }, key };
  }

  /** The certificate and key of the HTTPS server. */
  server(): CertifiedKey {
    return loadKey(this.path, 'server');
  }
}

/**
 * Where nodes enroll, with the pin of the root that issued the server's certificate; without one where the operator
 * has put in a certificate of somebody else.
 */
export function enrollmentUrl(
  { enrollmentServers, rootCertificates }: OverlayDocument,
  server: Pick<CertifiedKey, 'certificates'>,
): string {
  const url = enrollmentServers[0] ?? '';
  const [root] = rootCertificates;
  const chain = server.certificates.map(toHex);
  if (root === undefined || !chain.includes(toHex(root))) return url;
  return `${url}#sha256=${hash('sha256', root, 'hex')}`;
}

function requireEmpty(path: string): void {
  const entries = entriesOf(path);
  if (entries.includes(DOCUMENT)) {
    throw new AuthorityError(
      'overlay-exists',
      `${path} holds an overlay already, which is left as it is; name another directory with --dir`,
    );
  }
  if (entries.length > 0) {
    throw new AuthorityError('bad-value', `${path} is not empty; name another directory with --dir`);
  }
}

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    const what = code === 'ENOTDIR' ? 'is not a directory' : `cannot be read (${errorMessage(cause)})`;
    throw new AuthorityError('bad-value', `${path} ${what}; name another one with --dir`, { cause });
  }
}
