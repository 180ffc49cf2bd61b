import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { errorMessage } from '../../base/index.ts';
import type { IdentityPem } from '../../reload/security/identity.ts';
import { DataError } from './errors.ts';
import { readOptional, writePrivate } from './private-files.ts';

const FILE = 'identity.pem';

/**
 * The identity kept in a data directory; undefined before the first start.
 * @throws DataError 'identity-damaged'
 */
export function loadIdentity(directory: string): IdentityPem | undefined {
  const path = join(directory, FILE);
  const text = readOptional(path);
  if (text === undefined) return undefined;
  try {
    // OpenSSL finds its own part of the file, and says what is wrong with it.
    const certificate = new X509Certificate(text);
    if (!certificate.checkPrivateKey(createPrivateKey(text))) {
      throw new Error('key and certificate do not belong together');
    }
    const cut = text.indexOf('-----BEGIN CERTIFICATE-----');
    return { privateKey: text.slice(0, cut), certificate: text.slice(cut) };
  } catch (error) {
    throw new DataError(
      'identity-damaged',
      `${path} cannot be used (${errorMessage(error)})`,
      'bring it back from a backup, or take it away: the peer gets a new Node-ID',
      error,
    );
  }
}

/** Writes key and certificate into one PEM file, readable by its owner only, so that neither can stand alone. */
export function saveIdentity(directory: string, { privateKey, certificate }: IdentityPem): void {
  writePrivate(join(directory, FILE), privateKey + certificate);
}

/**
 * A secret kept under `name`, made by `make` at the first start.
 * @throws DataError 'identity-damaged' when the file does not hold hex
 */
export function loadOrMakeSecret(directory: string, name: string, make: () => Uint8Array): Uint8Array {
  const path = join(directory, `${name}.secret`);
  const text = readOptional(path)?.trim();
  if (text !== undefined) {
    if (/^([0-9a-f]{2}){16,}$/.test(text)) return Buffer.from(text, 'hex');
    throw new DataError(
      'identity-damaged',
      `${path} does not hold a secret`,
      'take it away: a new one is made',
    );
  }
  const secret = make();
  writePrivate(path, `${Buffer.from(secret).toString('hex')}\n`);
  return secret;
}
