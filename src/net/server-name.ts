import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type ConnectionOptions, createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { TlsIdentity, TlsServer } from '../base/index.ts';
import { pemOf, secureContextOptions } from './tls-context.ts';

/** Hosts of the SIP URIs among the names of a certificate, as Node writes them; `sips` and users' URIs are none. */
const SIP_NAMES = /(?:^|, )URI:sip:([^,;:"@]+)(?=[,;:]|$)/gi;

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
    const ca = [...rootCertificates, ...extraAuthorities(), ...authorities.map(pemOf)];
    context = createSecureContext({ ...secureContextOptions(identity), ca });
    known.set(identity ?? NOBODY, context);
  }
  return context;
}

let extra: readonly string[] | undefined;

/** What the operator gives to Node.js beside its own authorities, PEM: `rootCertificates` leaves it out. */
function extraAuthorities(): readonly string[] {
  if (extra !== undefined) return extra;
  const file = process.env.NODE_EXTRA_CA_CERTS;
  try {
    extra = file === undefined ? [] : [readFileSync(file, 'utf8')];
  } catch {
    // Node.js has said so at its start.
    extra = [];
  }
  return extra;
}

/**
 * Whether a certificate is that of a SIP domain or address (RFC 5922 §7.1, §7.2): DNS names count where there is no SIP
 * URI, the subject's common name where there is no other name at all; wildcards never.
 */
export function proves(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  const { subjectAltName } = certificate;
  const domains = [...(subjectAltName ?? '').matchAll(SIP_NAMES)].map(([, domain]) => domain);
  if (domains.length > 0) return domains.some((domain) => domain?.toLowerCase() === name.toLowerCase());
  const subject = subjectAltName === undefined ? 'default' : 'never';
  return certificate.checkHost(name, { wildcards: false, subject }) !== undefined;
}
