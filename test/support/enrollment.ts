import { generateKeyPairSync, hash, type KeyObject, scryptSync } from 'node:crypto';
import forge from 'node-forge';
import { type Random, utf8 } from '../../src/base/index.ts';
import type { Accounts, EnrollmentAccount } from '../../src/reload/enrollment/accounts.ts';
import type { NodeId } from '../../src/reload/wire/ids.ts';

/** Accounts held in memory. */
export class MemoryAccounts implements Accounts {
  /** ms until which certificates are good, by name. */
  readonly certificates = new Map<string, number>();
  readonly #accounts = new Map<string, EnrollmentAccount>();
  readonly #random: Random;

  constructor({ random }: { readonly random: Random }) {
    this.#random = random;
  }

  add(name: string, password: string, { adapter = false } = {}): void {
    const at = name.indexOf('@');
    const [user, realm] = [name.slice(0, at), name.slice(at + 1)];
    const hashes = (username: string) => ({
      md5: hash('md5', `${username}:${realm}:${password}`),
      sha256: hash('sha256', `${username}:${realm}:${password}`),
    });
    this.#accounts.set(name, {
      name,
      password: cheapHash(password),
      ha1: { user: hashes(user), aor: hashes(name) },
      adapter,
      nodeIds: [],
    });
  }

  remove(name: string): void {
    this.#accounts.delete(name);
  }

  async find(name: string): Promise<EnrollmentAccount | undefined> {
    return this.#accounts.get(name);
  }

  async nodeIds(
    { name, password }: EnrollmentAccount,
    count: number,
  ): Promise<readonly NodeId[] | undefined> {
    const account = this.#accounts.get(name);
    if (account?.password !== password) return undefined;
    const nodeIds = [...account.nodeIds];
    while (nodeIds.length < count) nodeIds.push(Buffer.from(this.#random.bytes(16)).toString('hex'));
    this.#accounts.set(name, { ...account, nodeIds });
    return nodeIds;
  }

  async noteCertificate({ name, password }: EnrollmentAccount, notAfter: number): Promise<boolean> {
    this.certificates.set(name, notAfter);
    return this.#accounts.get(name)?.password === password;
  }
}

/** As `hashPassword` makes it, at a cost that tests can bear. */
function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, 1);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=1,r=1,p=1$${text(salt)}$${text(scryptSync(password, salt, 32, { N: 2, r: 1, p: 1 }))}`;
}

export interface RequestNames {
  readonly subject?: string;
  readonly email?: readonly string[];
  readonly dns?: string;
}

/** An RSA certification request as node-forge writes it, DER. */
export function forgeRequest(names: RequestNames = {}): Uint8Array {
  const wanted = JSON.stringify(names);
  const request = requests.get(wanted) ?? makeRequest(names);
  requests.set(wanted, request);
  return request;
}

/** Kept, since forge takes its time to sign. */
const requests = new Map<string, Uint8Array>();

function makeRequest({ subject, email = [], dns }: RequestNames): Uint8Array {
  const pem = rsaKey().export({ type: 'pkcs8', format: 'pem' }) as string;
  const privateKey = forge.pki.privateKeyFromPem(pem);
  const request = forge.pki.createCertificationRequest();
  request.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  request.setSubject(subject === undefined ? [] : [{ name: 'commonName', value: subject }]);
  const altNames = [
    ...email.map((value) => ({ type: 1, value })),
    ...(dns === undefined ? [] : [{ type: 2, value: dns }]),
  ];
  if (altNames.length > 0) {
    const extensions = [{ name: 'subjectAltName', altNames }];
    request.setAttributes([{ name: 'extensionRequest', extensions } as never]);
  }
  request.sign(privateKey, forge.md.sha256.create());
  const der = forge.asn1.toDer(forge.pki.certificationRequestToAsn1(request)).getBytes();
  return Buffer.from(der, 'latin1');
}

let key: KeyObject | undefined;

function rsaKey() {
  key ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  return key;
}

/** A multipart/form-data body as curl writes it. */
export function formBody(
  fields: Readonly<Record<string, string | { readonly type: string; readonly body: Uint8Array }>>,
): { readonly contentType: string; readonly body: Uint8Array } {
  const boundary = '------------------------d74496d66958873e';
  const parts: Uint8Array[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const [type, body] = typeof value === 'string' ? ['', utf8(value)] : [value.type, value.body];
    const typeLine = type === '' ? '' : `Content-Type: ${type}\r\n`;
    parts.push(utf8(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n${typeLine}\r\n`));
    parts.push(body, utf8('\r\n'));
  }
  parts.push(utf8(`--${boundary}--\r\n`));
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(parts) };
}
