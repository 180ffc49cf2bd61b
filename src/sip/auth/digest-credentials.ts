import { splitList, unquote } from '../message/text.ts';
import type { DigestAlgorithm, DigestInput } from './digest.ts';

/** What a client sent in Authorization or Proxy-Authorization (RFC 7616 §3.4). */
export interface DigestCredentials {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  /** Lower case. */
  readonly response: string;
  readonly algorithm: DigestAlgorithm;
  readonly qop: DigestInput['qop'];
}

const HEX8 = /^[0-9a-fA-F]{8}$/;

/**
 * Parses one credentials value.
 * @returns undefined when it is not Digest, lacks a field, or uses an algorithm or qop that we never offer: a client
 *   that sends such a thing is challenged again, like one that sent nothing
 */
export function parseDigestCredentials(value: string): DigestCredentials | undefined {
  if (value.slice(0, 7).toLowerCase() !== 'digest ') return undefined;
  const fields = new Map<string, string>();
  for (const item of splitList(value.slice(7))) {
    const equals = item.indexOf('=');
    if (equals < 1) return undefined;
    const name = item.slice(0, equals).trimEnd().toLowerCase();
    if (!fields.has(name)) fields.set(name, unquote(item.slice(equals + 1).trimStart()));
  }
  const username = fields.get('username');
  const realm = fields.get('realm');
  const nonce = fields.get('nonce');
  const uri = fields.get('uri');
  const response = fields.get('response');
  const algorithm = parseAlgorithm(fields.get('algorithm'));
  if (username === undefined || realm === undefined || nonce === undefined) return undefined;
  if (uri === undefined || response === undefined || algorithm === undefined) return undefined;
  const parsed = { username, realm, nonce, uri, response: response.toLowerCase(), algorithm };
  const qop = fields.get('qop');
  if (qop === undefined) return { ...parsed, qop: undefined };
  const nc = fields.get('nc');
  const cnonce = fields.get('cnonce');
  if (qop.toLowerCase() !== 'auth' || nc === undefined || !HEX8.test(nc) || cnonce === undefined)
    return undefined;
  return { ...parsed, qop: { value: qop, nc, cnonce } };
}

/** The realm of a credentials value of any scheme, without parsing the rest. */
export function realmOf(value: string): string | undefined {
  const match = /[\s,]realm[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,]+)/i.exec(value);
  return match === null ? undefined : unquote(match[1]!);
}

/** RFC 7616 §3.3: absent means MD5. */
function parseAlgorithm(text = 'MD5'): DigestAlgorithm | undefined {
  const algorithm = text.toUpperCase();
  return algorithm === 'MD5' || algorithm === 'SHA-256' ? algorithm : undefined;
}
