import { type KeyObject, sign } from 'node:crypto';
import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

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

/** Makes certificates that a root certificate with this common name has issued (RFC 6940 §11.3). */
export function issuedBy(rootName: string): CertificateBuilder {
  return (template, signingKey) =>
    signed(
      { ...template, issuer: commonName(rootName), subject: sequence() },
      [subjectAltName(template)],
      signingKey,
    );
}

/** The self-signed root certificate of an overlay, a `root-cert` of its document (RFC 6940 §11.1). */
export function buildRootCertificate(
  template: Omit<CertificateTemplate, 'nodeUris' | 'userName'> & { readonly name: string },
  signingKey: KeyObject,
): Uint8Array {
  const name = commonName(template.name);
  return signed(
    { ...template, issuer: name, subject: name },
    [basicConstraints(), keyCertSign()],
    signingKey,
  );
}

type Body = Omit<CertificateTemplate, 'nodeUris' | 'userName'> & {
  readonly issuer: forge.asn1.Asn1;
  readonly subject: forge.asn1.Asn1;
};

function signed(body: Body, extensions: forge.asn1.Asn1[], signingKey: KeyObject): Uint8Array {
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

const RFC822_NAME = 1;
const URI_NAME = 6;

function toBeSigned(
  template: Body,
  extensions: forge.asn1.Asn1[],
  algorithm: forge.asn1.Asn1,
): forge.asn1.Asn1 {
  return sequence(
    context(0, [primitive(Type.INTEGER, '\x02')]), // version 3
    primitive(Type.INTEGER, positiveInteger(template.serial)),
    algorithm,
    template.issuer,
    sequence(time(template.notBefore), time(template.notAfter)),
    template.subject, // RFC 6940 §11.3: "The subject distinguished name in the certificate MUST be empty."
    asn1.fromDer(binary(template.spki)),
    context(3, [sequence(...extensions)]),
  );
}

/** RFC 5280 §4.2.1.6: critical, because the subject is empty. */
function subjectAltName({ nodeUris, userName }: CertificateTemplate): forge.asn1.Asn1 {
  const names = [...nodeUris.map((uri) => generalName(URI_NAME, uri)), generalName(RFC822_NAME, userName)];
  return criticalExtension(SUBJECT_ALT_NAME, sequence(...names));
}

/** RFC 5280 §4.2.1.9: a CA that issues no further CAs. */
function basicConstraints(): forge.asn1.Asn1 {
  const value = sequence(primitive(Type.BOOLEAN, '\xff'), primitive(Type.INTEGER, '\0'));
  return criticalExtension('2.5.29.19', value);
}

/** RFC 5280 §4.2.1.3: bit 5 and no other. */
function keyCertSign(): forge.asn1.Asn1 {
  return criticalExtension('2.5.29.15', primitive(Type.BITSTRING, '\x02\x04'));
}

function criticalExtension(id: string, value: forge.asn1.Asn1): forge.asn1.Asn1 {
  return sequence(
    oid(id),
    primitive(Type.BOOLEAN, '\xff'),
    primitive(Type.OCTETSTRING, asn1.toDer(value).getBytes()),
  );
}

function commonName(name: string): forge.asn1.Asn1 {
  const attribute = sequence(oid('2.5.4.3'), primitive(Type.UTF8, binary(Buffer.from(name))));
  return sequence(asn1.create(Class.UNIVERSAL, Type.SET, true, [attribute]));
}

function signatureAlgorithm(key: KeyObject): forge.asn1.Asn1 {
  return key.asymmetricKeyType === 'rsa'
    ? sequence(oid(RSA_WITH_SHA256), primitive(Type.NULL, ''))
    : sequence(oid(ECDSA_WITH_SHA256));
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049. */
function time(ms: number): forge.asn1.Asn1 {
  const date = new Date(ms);
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

/** DER integers are signed and minimal: no leading zero but to keep the sign. */
function positiveInteger(bytes: Uint8Array): string {
  const significant = bytes.subarray(
    Math.max(
      0,
      bytes.findIndex((byte) => byte !== 0),
    ),
  );
  const text = binary(significant.length === 0 ? new Uint8Array(1) : significant);
  return text.charCodeAt(0) >= 0x80 ? `\0${text}` : text;
}

function sequence(...values: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, values);
}

function primitive(type: forge.asn1.Type, value: string): forge.asn1.Asn1 {
  return asn1.create(Class.UNIVERSAL, type, false, value);
}

function oid(dotted: string): forge.asn1.Asn1 {
  return primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
}

function context(tag: number, values: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, true, values);
}

function generalName(tag: number, value: string): forge.asn1.Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, value);
}

// forge keeps bytes as strings of one character each.
function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function toBytes(value: forge.asn1.Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}
