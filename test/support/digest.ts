import { type DigestAlgorithm, digestHa1, digestResponse } from '../../src/sip/auth/digest.ts';

/** Digest credentials as a phone writes them. */
export function credentials(options: {
  nonce: string;
  username?: string;
  password?: string;
  nc?: number;
  method?: string;
  realm?: string;
  algorithm?: DigestAlgorithm;
}): string {
  const { nonce, username = 'alice', password = 'secret', nc = 1, method = 'REGISTER' } = options;
  const { realm = 'example.org', algorithm = 'MD5' } = options;
  const uri = 'sip:example.org';
  const qop = { value: 'auth', nc: nc.toString(16).padStart(8, '0'), cnonce: 'cafe' };
  const ha1 = digestHa1(algorithm, username, realm, password);
  const response = digestResponse(ha1, { algorithm, method, uri, nonce, qop });
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", ` +
    `algorithm=${algorithm}, qop=auth, nc=${qop.nc}, cnonce="${qop.cnonce}"`
  );
}
