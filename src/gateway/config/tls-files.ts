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
  const mend = 'name a PEM file with the certificate of this server, and those that lead to its authority';
  const certificates = readCertificates(files.cert, { file, path: `${path}.cert`, mend });
  const privateKey = readKey(files.key, { file, path: `${path}.key` });
  if (!new X509Certificate(certificates[0]!).checkPrivateKey(privateKey)) {
    const problem = `${files.key} is not the key of the first certificate in ${files.cert}`;
    throw new ConfigError([{ file, path, problem, mend: 'name a certificate and its own key' }]);
  }
  return { certificates, privateKey };
}

/** Who renews by a program does so a month before the end; later than this it has failed. */
const SOON_MS = 14 * 86_400_000;

/**
 * What is wrong with the dates of a certificate, as `<problem>; <mend>`; undefined when it is good for two weeks more.
 * @param now wall clock, ms
 */
export function datesProblem({ validFrom, validTo }: X509Certificate, now: number): string | undefined {
  const end = Date.parse(validTo);
  if (now > end) return `ended ${validTo}, phones refuse it; renew it`;
  if (now < Date.parse(validFrom)) return `begins ${validFrom}; set the clock (NTP)`;
  return now > end - SOON_MS ? `ends ${validTo}; renew it` : undefined;
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
