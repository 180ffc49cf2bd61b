import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { errorMessage, type TlsIdentity } from '../../base/index.ts';
import { ConfigError } from './config-error.ts';
import type { TlsFiles } from './gateway-config.ts';
import { readCertificates, readConfigFile } from './secret-file.ts';

interface Naming {
  readonly file: string;
  /** Of the block with `cert` and `key`. */
  readonly path: string;
}

/**
 * A server's certificates with their key, from PEM files.
 * @throws ConfigError also when the key is another certificate's
 */
export function readTlsIdentity(files: TlsFiles, { file, path }: Naming): TlsIdentity {
  const certificates = readCertificates(files.cert, { file, path: `${path}.cert` });
  const privateKey = readKey(files.key, { file, path: `${path}.key` });
  if (!new X509Certificate(certificates[0]!).checkPrivateKey(privateKey)) {
    const problem = `${files.key} is not the key of the first certificate in ${files.cert}`;
    throw new ConfigError([{ file, path, problem, mend: 'name a certificate and its own key' }]);
  }
  return { certificates, privateKey };
}

/** What is wrong with the dates of a certificate; undefined when it is valid now. */
export function expiryWarning(certificate: Uint8Array, shown: string): string | undefined {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const now = Date.now();
  if (now > Date.parse(validTo)) return `the certificate in ${shown} ended ${validTo}: renew it`;
  if (now < Date.parse(validFrom)) return `the certificate in ${shown} begins ${validFrom}: check the clock`;
  return undefined;
}

function readKey(path: string, naming: Naming): KeyObject {
  const mend = 'name a PEM file with the private key, without a passphrase';
  const pem = readConfigFile(path, { ...naming, mend });
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const problem = `${path} does not hold a private key (${errorMessage(error)})`;
    throw new ConfigError([{ ...naming, problem, mend }]);
  }
}
