import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TlsIdentity } from '../../src/base/index.ts';
import { pemOf } from '../../src/net/tls-context.ts';
import { HttpsAuthority, type ServerNames } from './https.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Files as an operator gets them from an authority. */
export interface SipTlsFiles {
  readonly cert: string;
  readonly key: string;
  /** PEM of the authority. */
  readonly authority: string;
  /** Puts a new certificate and key in their place. */
  renew(names?: ServerNames): TlsIdentity;
}

/** Writes a server certificate for 127.0.0.1, or for other names. */
export function sipTlsFiles(names: ServerNames = {}): SipTlsFiles {
  const directory = temporaryDirectory('tls');
  const authority = new HttpsAuthority();
  const files = {
    cert: path.join(directory, 'sip.pem'),
    key: path.join(directory, 'sip.key'),
    authority: path.join(directory, 'root.pem'),
    renew: (renewed: ServerNames = {}) => {
      const identity = authority.server(renewed);
      writeFileSync(files.cert, identity.certificates.map(pemOf).join(''));
      writeFileSync(files.key, identity.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      return identity;
    },
  };
  writeFileSync(files.authority, pemOf(authority.root));
  files.renew(names);
  return files;
}
