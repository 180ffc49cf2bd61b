import { type KeyObject, verify } from 'node:crypto';
import { CodedError } from '../../base/index.ts';
import { importPublicKey } from '../security/certificate.ts';
import { bitString, signatureAlgorithm } from '../security/certificate-fields.ts';
import { contextTag, DER, DerReader, malformed } from '../security/der.ts';

/** A certification request (RFC 2986) whose signature proves that the sender has the private key. */
export interface CertificateRequest {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** User names it asks for: rfc822Names, or what the subject has in their place. */
  readonly userNames: readonly string[];
  /** Whether it asks for any other name, which no certificate of an overlay may have (RFC 6940 §11.3). */
  readonly hasForeignNames: boolean;
}

const MAX_REQUEST_BYTES = 16_384;
const MAX_ATTRIBUTES = 16;
const MAX_NAMES = 16;

// Object identifiers by the hex of their contents.
const EXTENSION_REQUEST = '2a864886f70d01090e';
const SUBJECT_ALT_NAME = '551d11';
const COMMON_NAME = '550403';
const EMAIL_ADDRESS = '2a864886f70d010901';

const RFC822_NAME = contextTag(1, false);
const SET = 0x31;

/**
 * Reads a PKCS#10 request, DER or PEM.
 * @throws CodedError 'bad-request' for what is no request, has a key we do not take, or is not signed with it
 */
export function readCertificateRequest(bytes: Uint8Array): CertificateRequest {
  try {
    return read(derOf(bytes));
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    const what = cause.message.replace('malformed certificate: ', '');
    throw new CodedError('bad-request', `unusable certification request: ${what}`, {
      origin: 'remote',
      cause,
    });
  }
}

function read(der: Uint8Array): CertificateRequest {
  if (der.length > MAX_REQUEST_BYTES) malformed(`${der.length} bytes`);
  const outer = new DerReader(der);
  const request = new DerReader(outer.next(DER.SEQUENCE).content);
  outer.end();
  const info = request.next(DER.SEQUENCE);
  const { signatureHash, signatureKeyType } = signatureAlgorithm(request.next(DER.SEQUENCE).content);
  const signature = bitString(request.next(DER.BIT_STRING).content);
  request.end();

  const fields = new DerReader(info.content);
  fields.next(DER.INTEGER); // version
  const subject = fields.next(DER.SEQUENCE).content;
  const spki = fields.next(DER.SEQUENCE).raw;
  const attributes = fields.optional(contextTag(0, true))?.content ?? new Uint8Array();
  fields.end();

  const key = importPublicKey(spki);
  requireSignature(key, signatureKeyType, verifyWith(signatureHash, info.raw, key, signature));
  const alternative = alternativeNames(attributes);
  return {
    spki: new Uint8Array(spki),
    userNames: [...new Set([...alternative.userNames, ...namesOfSubject(subject)])],
    hasForeignNames: alternative.hasForeignNames,
  };
}

function verifyWith(hash: string, signed: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(hash, signed, key, signature);
  } catch {
    return false;
  }
}

function requireSignature(key: KeyObject, keyType: 'rsa' | 'ec', verifies: boolean): void {
  if (key.asymmetricKeyType !== keyType || !verifies) malformed('it is not signed with its own key');
}

/** RFC 2985 §5.4.2: extensions that are asked for stand in an attribute. Others than the names do not matter. */
function alternativeNames(attributes: Uint8Array): Omit<CertificateRequest, 'spki'> {
  const userNames: string[] = [];
  let hasForeignNames = false;
  for (const extension of requestedExtensions(attributes)) {
    if (hex(extension.next(DER.OID).content) !== SUBJECT_ALT_NAME) continue;
    extension.optional(DER.BOOLEAN);
    const value = new DerReader(extension.next(DER.OCTET_STRING).content);
    for (const { tag, content } of elements(value.next(DER.SEQUENCE).content, MAX_NAMES)) {
      if (tag === RFC822_NAME) userNames.push(printable(content));
      else hasForeignNames = true;
    }
  }
  return { userNames, hasForeignNames };
}

function* requestedExtensions(attributes: Uint8Array): Iterable<DerReader> {
  for (const { content } of elements(attributes, MAX_ATTRIBUTES)) {
    const attribute = new DerReader(content);
    if (hex(attribute.next(DER.OID).content) !== EXTENSION_REQUEST) continue;
    const [list] = elements(attribute.next(SET).content, 1);
    if (list === undefined) continue;
    for (const extension of elements(list.content, MAX_ATTRIBUTES)) yield new DerReader(extension.content);
  }
}

/** Tools that cannot write an rfc822Name put it into the subject. A common name without an @ is no user name. */
function namesOfSubject(subject: Uint8Array): string[] {
  const names: string[] = [];
  for (const relative of elements(subject, MAX_NAMES)) {
    for (const attribute of elements(relative.content, MAX_NAMES)) {
      const fields = new DerReader(attribute.content);
      const type = hex(fields.next(DER.OID).content);
      const { content } = fields.next();
      const value = type === EMAIL_ADDRESS || type === COMMON_NAME ? printable(content) : '';
      if (value.includes('@')) names.push(value);
    }
  }
  return names;
}

function* elements(content: Uint8Array, max: number) {
  const reader = new DerReader(content);
  for (let count = 0; !reader.done; count += 1) {
    if (count === max) malformed('too many elements');
    yield reader.next();
  }
}

/** RFC 6940 §11.3: "allow only legal characters in the name (e.g., no embedded NULs)". */
function printable(content: Uint8Array): string {
  const text = Buffer.from(content).toString('latin1');
  if (!/^[\x20-\x7e]*$/.test(text)) malformed('a name that is not printable ASCII');
  return text;
}

const PEM =
  /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/;

/** The media type means DER; openssl writes PEM unless told. */
function derOf(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === DER.SEQUENCE) return bytes;
  const body = PEM.exec(Buffer.from(bytes.subarray(0, 2 * MAX_REQUEST_BYTES)).toString('latin1'))?.[1];
  return body === undefined ? malformed('neither DER nor PEM') : Buffer.from(body, 'base64');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
