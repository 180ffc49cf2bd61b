import { type KeyObject, sign } from 'node:crypto';
import {
  binary,
  context,
  type Der,
  generalName,
  oid,
  parseDer,
  positiveInteger,
  primitive,
  sequence,
  set,
  Type,
  time,
  toBytes,
} from './der-writer.ts';

/** What a certificate is to say (RFC 6940 §11.3): names only in the subjectAltName, the subject empty. */
export interface CertificateTemplate {
  /** The subject's DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** One `reload:` URI for each Node-ID. */
  readonly nodeUris: readonly string[];
  /** The rfc822Name; ASCII. */
  readonly userName: string;
  /** At most 20 bytes, read as a positive integer. */
  readonly serial: Uint8Array;
  /** ms since the Unix epoch; the encoding drops the milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Makes the DER certificate, signed with SHA-256 by `signingKey` (EC or RSA). */
export type CertificateBuilder = (template: CertificateTemplate, signingKey: KeyObject) => Uint8Array;

/** A self-signed certificate: ASN.1 by node-forge, the signature by node:crypto, since forge signs no EC. */
export const buildSelfSignedCertificate: CertificateBuilder = (template, signingKey) =>
  signed({ ...template, issuer: sequence(), subject: sequence() }, [subjectAltName(template)], signingKey);

/** Who issues a certificate. */
export interface Issuer {
  /** The common name, all of its subject. */
  readonly name: string;
  /** Its subjectKeyIdentifier; left out when it has none. */
  readonly keyId?: Uint8Array;
}

/** Makes node certificates that a root-cert of the overlay has issued (RFC 6940 §11.3). */
export function issuedBy(issuer: Issuer): CertificateBuilder {
  return (template, signingKey) =>
    signed(
      { ...template, issuer: commonName(issuer.name), subject: sequence() },
      [subjectAltName(template), ...authorityKeyIdentifier(issuer)],
      signingKey,
    );
}

/** The part of a certificate that does not depend on what it is for. */
export type Body = Omit<CertificateTemplate, 'nodeUris' | 'userName'> & {
  readonly issuer: Der;
  readonly subject: Der;
};

/** A version 3 certificate of these parts, DER. */
export function signed(body: Body, extensions: Der[], signingKey: KeyObject): Uint8Array {
  const algorithm = signatureAlgorithm(signingKey);
  const tbs = toBeSigned(body, extensions, algorithm);
  const signature = sign('sha256', toBytes(tbs), signingKey);
  const bits = `\0${signature.toString('latin1')}`;
  return new Uint8Array(toBytes(sequence(tbs, algorithm, primitive(Type.BITSTRING, bits))));
}

// RFC 5758 §3.2, RFC 4055 §5.
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const RSA_WITH_SHA256 = '1.2.840.113549.1.1.11';
const SUBJECT_ALT_NAME = '2.5.29.17';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';

export const RFC822_NAME = 1;
const URI_NAME = 6;

function toBeSigned(template: Body, extensions: Der[], algorithm: Der): Der {
  return sequence(
    context(0, [primitive(Type.INTEGER, '\x02')]), // version 3
    primitive(Type.INTEGER, positiveInteger(template.serial)),
    algorithm,
    template.issuer,
    sequence(time(template.notBefore), time(template.notAfter)),
    template.subject, // RFC 6940 §11.3: "The subject distinguished name in the certificate MUST be empty."
    parseDer(template.spki),
    context(3, [sequence(...extensions)]),
  );
}

function subjectAltName({ nodeUris, userName }: CertificateTemplate): Der {
  return alternativeNames([
    ...nodeUris.map((uri) => generalName(URI_NAME, uri)),
    generalName(RFC822_NAME, userName),
  ]);
}

/** RFC 5280 §4.2.1.6: critical, because the subject is empty. */
export function alternativeNames(names: readonly Der[]): Der {
  return extension(SUBJECT_ALT_NAME, sequence(...names), { critical: true });
}

/** RFC 5280 §4.2.1.1. */
export function authorityKeyIdentifier({ keyId }: Issuer): Der[] {
  return keyId === undefined
    ? []
    : [extension(AUTHORITY_KEY_IDENTIFIER, sequence(generalName(0, binary(keyId))))];
}

export function extension(id: string, value: Der, { critical = false } = {}): Der {
  return sequence(
    oid(id),
    ...(critical ? [primitive(Type.BOOLEAN, '\xff')] : []),
    primitive(Type.OCTETSTRING, binary(toBytes(value))),
  );
}

export function commonName(name: string): Der {
  return sequence(set(sequence(oid('2.5.4.3'), primitive(Type.UTF8, binary(Buffer.from(name))))));
}

export function signatureAlgorithm(key: KeyObject): Der {
  return key.asymmetricKeyType === 'rsa'
    ? sequence(oid(RSA_WITH_SHA256), primitive(Type.NULL, ''))
    : sequence(oid(ECDSA_WITH_SHA256));
}
