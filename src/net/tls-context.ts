import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions as ServerTlsOptions,
  type TLSSocket,
} from 'node:tls';
import type { TlsIdentity, TlsOptions } from '../base/index.ts';

const PEM_LINE = /.{1,64}/g;

export function pemOf(certificate: Uint8Array): string {
  const lines = Buffer.from(certificate).toString('base64').match(PEM_LINE) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** What OpenSSL needs of an identity. Undefined: a client that shows no certificate. */
export function secureContextOptions(identity: TlsIdentity | undefined): SecureContextOptions {
  return {
    minVersion: 'TLSv1.2',
    // No certification authorities: who is welcome is `verifyPeer`'s decision, not OpenSSL's.
    ca: [],
    ...(identity && {
      cert: identity.certificates.map(pemOf).join(''),
      key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    }),
  };
}

const contexts = new WeakMap<TlsIdentity, SecureContext>();
let anonymous: SecureContext | undefined;

/** The context of a client, or of a server for one of its names; made once for each identity. */
export function secureContextOf(identity: TlsIdentity | undefined): SecureContext {
  if (identity === undefined) {
    anonymous ??= createSecureContext(secureContextOptions(undefined));
    return anonymous;
  }
  let context = contexts.get(identity);
  if (context === undefined) {
    context = createSecureContext(secureContextOptions(identity));
    contexts.set(identity, context);
  }
  return context;
}

/** What a server's handshake asks for the name its client gave. */
export function byServerName(
  identityFor: NonNullable<TlsOptions['identityFor']>,
): NonNullable<ServerTlsOptions['SNICallback']> {
  return (name, done) => {
    const identity = identityFor(name);
    // Nothing given: the listener's own identity.
    if (identity === undefined) done(null);
    else done(null, secureContextOf(identity));
  };
}

/** More certificates than this in a chain are not looked at. */
const MAX_CHAIN_LENGTH = 8;

/** What the peer presented, DER, leaf first. */
export function presentedCertificates(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < MAX_CHAIN_LENGTH) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
