import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { CodedError, type PresharedKey } from '../base/index.ts';
import { systemCode } from './system-errors.ts';

/**
 * RFC 4279 with a Diffie-Hellman exchange, so that whoever learns the secret later cannot read what was said before. Not
 * TLS 1.3: there the client's first message lets any listener on the wire try guesses at the secret, and a server with
 * a certificate may pass the key over.
 */
export const presharedKeyContext: SecureContextOptions = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  // A session that is taken up again would not ask for the key.
  secureOptions: constants.SSL_OP_NO_TICKET,
};

let clientContext: SecureContext | undefined;

/** What Node's client needs besides the address; made once, since keys come by the callback. */
export function presharedKeyClient(presharedKey: () => PresharedKey) {
  clientContext ??= createSecureContext(presharedKeyContext);
  return {
    secureContext: clientContext,
    pskCallback: () => {
      const { identity, key } = presharedKey();
      return { identity, psk: key };
    },
  };
}

/** What OpenSSL says where the keys differ: the first message that they protect cannot be read. */
const DIFFERENT = /BAD_RECORD_MAC|BAD_DECRYPT|DECRYPT_ERROR|DIGEST_CHECK_FAILED|PSK_IDENTITY/;
/** What it says where only one side has a key: there is no cipher in common. */
const MISSING = /NO_SHARED_CIPHER|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY/;

/**
 * What a handshake with a preshared key failed for.
 * @returns undefined when it was not for the key
 */
export function secretRefusal(error: unknown, where: string): CodedError<'secret-refused'> | undefined {
  const code = systemCode(error) ?? '';
  const why = DIFFERENT.test(code)
    ? `the shared secret of ${where} is not ours`
    : MISSING.test(code)
      ? `${where} has no shared secret`
      : undefined;
  return why === undefined ? undefined : new CodedError('secret-refused', why, { cause: error });
}
