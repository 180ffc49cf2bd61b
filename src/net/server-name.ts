import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type ConnectionOptions, createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { TlsIdentity, TlsServer } from '../base/index.ts';
import { pemOf, secureContextOptions } from './tls-context.ts';

const SIP_NAMES = /(?:^|, )URI:sips?:([^,;:"@]+)(?=,|$)/gi;

/** What `tls.connect` needs to accept that server alone: OpenSSL checks the chain, this the name. */
export function namedServer(
  { name, authorities }: TlsServer,
  identity: TlsIdentity | undefined,
): ConnectionOptions {
  return {
    secureContext: trustingContext(authorities, identity),
    rejectUnauthorized: true,
    ...(isIP(name) === 0 && { servername: name }),
    checkServerIdentity: (_, { raw }) => {
      const certificate = new X509Certificate(raw);
      if (proves(certificate, name)) return undefined;
      return new Error(
        `the certificate is for ${certificate.subjectAltName ?? certificate.subject}, not for ${name}`,
      );
    },
  };
}

const NOBODY = {};
const contexts = new WeakMap<readonly Uint8Array[], WeakMap<object, SecureContext>>();

/** Made once for each identity: reading a hundred authorities takes some milliseconds. */
function trustingContext(
  authorities: readonly Uint8Array[],
  identity: TlsIdentity | undefined,
): SecureContext {
  let known = contexts.get(authorities);
  if (known === undefined) {
    known = new WeakMap();
    contexts.set(authorities, known);
  }
  let context = known.get(identity ?? NOBODY);
  if (context === undefined) {
    const ca = [...rootCertificates, ...authorities.map(pemOf)];
    context = createSecureContext({ ...secureContextOptions(identity), ca });
    known.set(identity ?? NOBODY, context);
  }
  return context;
}

/** RFC 5922 §7.1, §7.2: SIP URIs count first, then DNS names and addresses; no wildcards. */
function proves(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  const domains = [...(certificate.subjectAltName ?? '').matchAll(SIP_NAMES)].map(([, domain]) => domain);
  if (domains.length > 0) return domains.some((domain) => domain?.toLowerCase() === name.toLowerCase());
  return certificate.checkHost(name, { wildcards: false }) !== undefined;
}
