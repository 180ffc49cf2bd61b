import { contextTag, DER, DerReader, malformed } from './der.ts';
import { type NodeUri, parseNodeUri } from './reload-uri.ts';

/** What we read of an X.509 certificate (RFC 5280 §4.1); byte strings are views of the given bytes. */
export interface CertificateFields {
  /** The TBSCertificate, what the signature covers. */
  readonly signed: Uint8Array;
  readonly signatureHash: 'sha256' | 'sha384' | 'sha512';
  readonly signatureKeyType: 'rsa' | 'ec';
  readonly signature: Uint8Array;
  readonly spki: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly nodes: readonly NodeUri[];
  readonly userNames: readonly string[];
}

const MAX_CERTIFICATE_BYTES = 16_384;
const MAX_EXTENSIONS = 32;
const MAX_NAMES = 64;

// Object identifiers by the hex of their contents.
const SIGNATURE_ALGORITHMS: ReadonlyMap<
  string,
  Pick<CertificateFields, 'signatureHash' | 'signatureKeyType'>
> = new Map([
  ['2a864886f70d01010b', { signatureHash: 'sha256', signatureKeyType: 'rsa' }],
  ['2a864886f70d01010c', { signatureHash: 'sha384', signatureKeyType: 'rsa' }],
  ['2a864886f70d01010d', { signatureHash: 'sha512', signatureKeyType: 'rsa' }],
  ['2a8648ce3d040302', { signatureHash: 'sha256', signatureKeyType: 'ec' }],
  ['2a8648ce3d040303', { signatureHash: 'sha384', signatureKeyType: 'ec' }],
  ['2a8648ce3d040304', { signatureHash: 'sha512', signatureKeyType: 'ec' }],
]);
const SUBJECT_ALT_NAME = '551d11';
/** Critical extensions that do not change what a node certificate means to us. */
const UNDERSTOOD = new Set([
  SUBJECT_ALT_NAME,
  '551d0f' /* keyUsage */,
  '551d13' /* basicConstraints */,
  '551d25' /* extKeyUsage */,
]);

/**
 * Reads a certificate of at most 16 kB.
 * @throws CodedError 'certificate-malformed', also for an unknown signature algorithm or critical extension, for
 * one without a Node-ID and for one with several user names (RFC 6940 §11.3: "a single name")
 */
export function parseCertificateFields(der: Uint8Array): CertificateFields {
  if (der.length > MAX_CERTIFICATE_BYTES) malformed(`${der.length} bytes`);
  const outer = new DerReader(der);
  const certificate = new DerReader(outer.next(DER.SEQUENCE).content);
  outer.end();
  const tbs = certificate.next(DER.SEQUENCE);
  const algorithm = certificate.next(DER.SEQUENCE);
  const signature = bitString(certificate.next(DER.BIT_STRING).content);
  certificate.end();

  const fields = new DerReader(tbs.content);
  if (fields.optional(contextTag(0, true)) === undefined) malformed('not version 3');
  fields.next(DER.INTEGER); // serialNumber
  // RFC 5280 §4.1.1.2: the algorithm inside must be the one outside.
  if (Buffer.compare(fields.next(DER.SEQUENCE).raw, algorithm.raw) !== 0)
    malformed('two signature algorithms');
  fields.next(DER.SEQUENCE); // issuer
  const validity = new DerReader(fields.next(DER.SEQUENCE).content);
  const notBefore = time(validity);
  const notAfter = time(validity);
  fields.next(DER.SEQUENCE); // subject
  const spki = fields.next(DER.SEQUENCE).raw;
  fields.optional(contextTag(1, false)); // issuerUniqueID
  fields.optional(contextTag(2, false)); // subjectUniqueID
  const extensions = fields.optional(contextTag(3, true));
  if (extensions === undefined) malformed('no extensions');
  fields.end();

  return {
    signed: tbs.raw,
    ...signatureAlgorithm(algorithm.content),
    signature,
    spki,
    notBefore,
    notAfter,
    ...subjectNames(extensions.content),
  };
}

/** The content of an AlgorithmIdentifier. @throws CodedError 'certificate-malformed' for one we do not take */
export function signatureAlgorithm(content: Uint8Array) {
  const oid = hex(new DerReader(content).next(DER.OID).content);
  return SIGNATURE_ALGORITHMS.get(oid) ?? malformed(`signature algorithm ${oid}`);
}

/** The octets of a BIT STRING's content. */
export function bitString(content: Uint8Array): Uint8Array {
  if (content[0] !== 0) malformed('a bit string of broken bytes');
  return content.subarray(1);
}

/** RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime after; always with seconds and Z. */
function time(reader: DerReader): number {
  const { tag, content } = reader.next();
  const text = latin1(content);
  const match =
    tag === DER.UTC_TIME
      ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
      : tag === DER.GENERALIZED_TIME
        ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
        : null;
  if (match === null) malformed('an unreadable time');
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fullYear = tag === DER.GENERALIZED_TIME ? year : year + (year < 50 ? 2000 : 1900);
  return Date.UTC(fullYear, month - 1, day, hour, minute, second);
}

function subjectNames(extensions: Uint8Array): Pick<CertificateFields, 'nodes' | 'userNames'> {
  const list = new DerReader(new DerReader(extensions).next(DER.SEQUENCE).content);
  let names: Pick<CertificateFields, 'nodes' | 'userNames'> | undefined;
  for (let count = 0; !list.done; count += 1) {
    if (count === MAX_EXTENSIONS) malformed('too many extensions');
    const extension = new DerReader(list.next(DER.SEQUENCE).content);
    const oid = hex(extension.next(DER.OID).content);
    const critical = extension.optional(DER.BOOLEAN)?.content[0] === 0xff;
    const value = extension.next(DER.OCTET_STRING).content;
    if (oid === SUBJECT_ALT_NAME) {
      if (names !== undefined) malformed('two subjectAltNames');
      names = generalNames(value);
    } else if (critical && !UNDERSTOOD.has(oid)) {
      malformed(`unknown critical extension ${oid}`);
    }
  }
  return names ?? malformed('no subjectAltName');
}

/** RFC 5280 §4.2.1.6. */
function generalNames(value: Uint8Array): Pick<CertificateFields, 'nodes' | 'userNames'> {
  const list = new DerReader(new DerReader(value).next(DER.SEQUENCE).content);
  const nodes: NodeUri[] = [];
  const userNames: string[] = [];
  for (let count = 0; !list.done; count += 1) {
    if (count === MAX_NAMES) malformed('too many names');
    const { tag, content } = list.next();
    if (tag === RFC822_NAME) userNames.push(ia5(content));
    if (tag === URI_NAME) {
      const node = parseNodeUri(ia5(content));
      if (node !== undefined) nodes.push(node);
    }
  }
  if (nodes.length === 0) malformed('no Node-ID');
  if (userNames.length > 1) malformed('more than one user name');
  // Exactly as long as they are: what was pushed to has room for sixteen more.
  return { nodes: nodes.slice(), userNames: userNames.slice() };
}

const RFC822_NAME = contextTag(1, false);
const URI_NAME = contextTag(6, false);

/** RFC 6940 §11.3 warns of embedded NULs: printable ASCII only. */
function ia5(content: Uint8Array): string {
  const text = latin1(content);
  if (!/^[\x20-\x7e]+$/.test(text)) malformed('a name that is not printable ASCII');
  return text;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
