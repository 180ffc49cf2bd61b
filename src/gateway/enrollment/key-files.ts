import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../../base/index.ts';
import type { CertifiedKey } from '../../reload/enrollment/new-overlay.ts';
import { AuthorityError } from './authority-error.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Writes `NAME.pem` with the certificates and `NAME.key` (PKCS#8, mode 0600), which must not be there yet. */
export function saveKey(directory: string, name: string, { certificates, privateKey }: CertifiedKey): void {
  const pem = certificates.map((der) => new X509Certificate(der).toString()).join('');
  writeFileSync(join(directory, `${name}.pem`), pem, { mode: 0o644, flag: 'wx' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(join(directory, `${name}.key`), key, { mode: 0o600, flag: 'wx' });
}

/** @throws AuthorityError 'overlay-damaged' */
export function loadKey(directory: string, name: string): CertifiedKey {
  const file = join(directory, `${name}.pem`);
  try {
    const blocks = readFileSync(file, 'utf8').match(PEM_CERTIFICATE) ?? [];
    const certificates = blocks.map((block) => new X509Certificate(block));
    const privateKey = createPrivateKey(readFileSync(join(directory, `${name}.key`)));
    if (certificates[0]?.checkPrivateKey(privateKey) !== true) {
      throw new Error(`${name}.pem and ${name}.key do not belong together`);
    }
    return { certificates: certificates.map(({ raw }) => new Uint8Array(raw)), privateKey };
  } catch (cause) {
    const problem = `${file} cannot be used (${errorMessage(cause)})`;
    throw new AuthorityError('overlay-damaged', `${problem}; bring it back from a backup`, { cause });
  }
}
