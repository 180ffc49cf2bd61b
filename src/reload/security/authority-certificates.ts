import { hash, type KeyObject } from 'node:crypto';
import {
  alternativeNames,
  authorityKeyIdentifier,
  type CertificateTemplate,
  commonName,
  extension,
  type Issuer,
  signed,
} from './certificate-builder.ts';
import { binary, type Der, generalName, oid, primitive, sequence, Type } from './der-writer.ts';

type Template = Omit<CertificateTemplate, 'nodeUris' | 'userName'>;

/** What a certificate of an authority is to say; `name` is its common name, all of its subject. */
export type AuthorityTemplate = Template & { readonly name: string };

/** The self-signed root certificate of an overlay, a `root-cert` of its document (RFC 6940 §11.1). */
export function buildRootCertificate(template: AuthorityTemplate, signingKey: KeyObject): Uint8Array {
  const name = commonName(template.name);
  const extensions = [basicConstraints(1), keyCertSign(), subjectKeyIdentifier(template.spki)];
  return signed({ ...template, issuer: name, subject: name }, extensions, signingKey);
}

/** An authority under the root that issues certificates of nodes, and no further authorities. */
export function buildIssuingCertificate(
  template: AuthorityTemplate,
  issuer: Issuer,
  signingKey: KeyObject,
): Uint8Array {
  const names = { issuer: commonName(issuer.name), subject: commonName(template.name) };
  const extensions = [
    basicConstraints(0),
    keyCertSign(),
    subjectKeyIdentifier(template.spki),
    ...authorityKeyIdentifier(issuer),
  ];
  return signed({ ...template, ...names }, extensions, signingKey);
}

export interface ServerTemplate extends Template {
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ipAddresses: readonly Uint8Array[];
}

/** The certificate of an HTTPS server (RFC 2818 §3.1: names in the subjectAltName). */
export function buildServerCertificate(
  template: ServerTemplate,
  issuer: Issuer,
  signingKey: KeyObject,
): Uint8Array {
  const names = [
    ...template.dnsNames.map((name) => generalName(DNS_NAME, name)),
    ...template.ipAddresses.map((address) => generalName(IP_ADDRESS, binary(address))),
  ];
  const extensions = [
    alternativeNames(names),
    extension(KEY_USAGE, primitive(Type.BITSTRING, DIGITAL_SIGNATURE), { critical: true }),
    extension(EXTENDED_KEY_USAGE, sequence(oid(SERVER_AUTH))),
    ...authorityKeyIdentifier(issuer),
  ];
  const body = { ...template, issuer: commonName(issuer.name), subject: sequence() };
  return signed(body, extensions, signingKey);
}

/** The subjectKeyIdentifier that the authorities here give a key (RFC 5280 §4.2.1.2 leaves the method open). */
export function keyIdOf(spki: Uint8Array): Uint8Array {
  return Buffer.from(hash('sha1', spki, 'hex'), 'hex');
}

const DNS_NAME = 2;
const IP_ADDRESS = 7;
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const BASIC_CONSTRAINTS = '2.5.29.19';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** Bit 0, in a bit string with 7 unused bits. */
const DIGITAL_SIGNATURE = '\x07\x80';

/** RFC 5280 §4.2.1.9. @param pathLength authorities that may stand between it and a node */
function basicConstraints(pathLength: 0 | 1): Der {
  const value = sequence(
    primitive(Type.BOOLEAN, '\xff'),
    primitive(Type.INTEGER, String.fromCharCode(pathLength)),
  );
  return extension(BASIC_CONSTRAINTS, value, { critical: true });
}

/** RFC 5280 §4.2.1.3: bit 5 and no other. */
function keyCertSign(): Der {
  return extension(KEY_USAGE, primitive(Type.BITSTRING, '\x02\x04'), { critical: true });
}

function subjectKeyIdentifier(spki: Uint8Array): Der {
  return extension(SUBJECT_KEY_IDENTIFIER, primitive(Type.OCTETSTRING, binary(keyIdOf(spki))));
}
