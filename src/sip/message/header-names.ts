import { isToken } from './text.ts';

/** Compact forms (RFC 3261 §7.3.3, RFC 3265, 3515, 3841, 3892, 4028, 8224). */
const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
};

/** Spellings met in practice: they are looked up as they stand, without a lower-case copy. */
const USUAL = `Via From To Call-ID CSeq Contact Max-Forwards Route Record-Route Content-Length Content-Type Expires
Allow Supported Require Proxy-Require Unsupported User-Agent Server Authorization Proxy-Authorization
WWW-Authenticate Proxy-Authenticate Authentication-Info Accept Accept-Encoding Accept-Language Allow-Events Event
Subscription-State Date Subject Organization Min-Expires Path Service-Route Retry-After Warning Timestamp
Session-Expires Min-SE RAck RSeq Reason Refer-To Referred-By Replaces Call-Info Alert-Info P-Asserted-Identity
P-Preferred-Identity Privacy Max-Breadth SIP-ETag SIP-If-Match Content-Disposition Content-Encoding MIME-Version
History-Info Diversion In-Reply-To Priority Resource-Priority Reply-To Call-Id Cseq CSEQ`;

const known = new Map<string, string>();
for (const name of USUAL.split(/\s+/)) {
  const key = interned(name.toLowerCase());
  known.set(name, key);
  known.set(key, key);
}
for (const [letter, name] of Object.entries(COMPACT)) {
  const key = interned(name);
  known.set(letter, key);
  known.set(letter.toUpperCase(), key);
}

/** V8 keeps names of properties once each: two keys are compared as pointers then, not letter by letter. */
function interned(text: string): string {
  return Object.keys({ [text]: true })[0]!;
}

/** Headers whose value is a comma-separated list; in all others a comma is plain text (RFC 3261 §7.3.1). */
const LISTS = new Set(
  `via route record-route contact path service-route accept accept-encoding accept-language allow allow-events
  supported require proxy-require unsupported warning in-reply-to alert-info call-info error-info content-encoding
  content-language p-asserted-identity p-preferred-identity p-associated-uri history-info diversion reason
  accept-contact reject-contact request-disposition security-client security-server security-verify privacy
  geolocation geolocation-routing permission-missing trigger-consent`.split(/\s+/),
);

/**
 * The key a header is found by: its full name in lower case.
 * @returns undefined when `name` is not a token
 */
export function headerKey(name: string): string | undefined {
  return known.get(name) ?? (isToken(name) ? lowerKey(name) : undefined);
}

/** Usual spellings by length, first and last character, for `headerKeyAt`. */
const USUAL_SLOTS = 1024;
const usual: ({ readonly name: string; readonly key: string } | undefined)[] = new Array(USUAL_SLOTS);
for (const [name, key] of known) usual[slotOf(name, 0, name.length)] ??= { name, key };

function slotOf(text: string, start: number, end: number): number {
  const mixed = (end - start) * 97 + text.charCodeAt(start) * 31 + text.charCodeAt(end - 1);
  return mixed & (USUAL_SLOTS - 1);
}

/** The same for the name between two positions of a text; usual spellings are known without cutting them out. */
export function headerKeyAt(text: string, start: number, end: number): string | undefined {
  const candidate = usual[slotOf(text, start, end)];
  if (candidate?.name.length === end - start && text.startsWith(candidate.name, start)) return candidate.key;
  return headerKey(text.slice(start, end));
}

function lowerKey(name: string): string {
  const lower = name.toLowerCase();
  return known.get(lower) ?? lower;
}

export function isListHeader(key: string): boolean {
  return LISTS.has(key);
}
