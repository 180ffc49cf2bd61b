import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { errorMessage, utf8 } from '../../base/index.ts';
import { ConfigError } from './config-error.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** Where a file is named, for the message. */
interface Naming {
  readonly file: string;
  readonly path: string;
  readonly mend: string;
}

/**
 * The text of a file the configuration names.
 * @throws ConfigError
 */
export function readConfigFile(path: string, naming: Naming): string {
  return readConfigBytes(path, naming).toString('utf8');
}

/** The same, byte for byte. @throws ConfigError */
export function readConfigBytes(path: string, naming: Naming): Buffer {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES / 1024 / 1024} MB`);
    return readFileSync(path);
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? errorMessage(error);
    const problem = naming.path === '' ? `cannot be read (${reason})` : `${path} cannot be read (${reason})`;
    throw new ConfigError([{ ...naming, problem }]);
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/** A warning when others than the owner may read a file with secrets; undefined when all is well. */
export function modeWarning(path: string, shown: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  return `${shown} holds secrets and others can read it (mode ${mode.toString(8)}): chmod 600 ${shown}`;
}

/**
 * The secret that links are keyed with (RFC 6940 §13.4): the first line of its file. Short ones are refused, since whoever
 * plays the server to one of our peers can try guesses at it (RFC 4279 §7.2).
 * @throws ConfigError
 */
export function readSharedSecret(path: string, naming: { file: string; path: string }): Uint8Array {
  const mend = `make one and give it to all peers: openssl rand -base64 32 > ${path} && chmod 600 ${path}`;
  return utf8(
    firstLine(path, { ...naming, mend }, { what: 'secret', min: 16, max: 256, characters: /^[\x20-\x7e]+$/ }),
  );
}

const MAX_PASSWORD_BYTES = 1_024;

/**
 * The password of an account at the enrollment server: the first line of its file, which may hold any UTF-8 (RFC 6940
 * §11.3).
 * @throws ConfigError
 */
export function readPassword(path: string, naming: { file: string; path: string }): string {
  const mend = 'put the password of the account into it, and nothing else';
  const password = readConfigFile(path, { ...naming, mend }).split(/\r?\n/, 1)[0]!;
  if (password === '' || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    const problem = `${path} does not hold a password of at most ${MAX_PASSWORD_BYTES} bytes`;
    throw new ConfigError([{ ...naming, problem, mend }]);
  }
  return password;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * The certificates in a PEM file, DER.
 * @throws ConfigError
 */
export function readCertificates(
  path: string,
  naming: { file: string; path: string; mend?: string },
): Uint8Array[] {
  const { mend = 'name a PEM file with the certificates of the authorities to trust' } = naming;
  const blocks = readConfigFile(path, { ...naming, mend }).match(PEM_CERTIFICATE) ?? [];
  try {
    if (blocks.length === 0) throw new Error('none found');
    return blocks.map((pem) => new X509Certificate(pem).raw);
  } catch (error) {
    const problem = `${path} does not hold certificates (${errorMessage(error)})`;
    throw new ConfigError([{ ...naming, problem, mend }]);
  }
}

/**
 * The bearer token of the admin interface: the first line of its file.
 * @throws ConfigError
 */
export function readToken(path: string, naming: { file: string; path: string }): string {
  const mend = `make one: head -c 24 /dev/urandom | base64 > ${path} && chmod 600 ${path}`;
  return firstLine(
    path,
    { ...naming, mend },
    { what: 'token', min: 16, max: 512, characters: /^[\x21-\x7e]+$/ },
  );
}

interface Expected {
  readonly what: string;
  readonly min: number;
  readonly max: number;
  readonly characters: RegExp;
}

function firstLine(path: string, naming: Naming, { what, min, max, characters }: Expected): string {
  const line = readConfigFile(path, naming).split(/\r?\n/, 1)[0]!.trim();
  if (!characters.test(line) || line.length < min || line.length > max) {
    const problem = `${path} does not hold a ${what} of at least ${min} printable characters`;
    throw new ConfigError([{ ...naming, problem }]);
  }
  return line;
}
