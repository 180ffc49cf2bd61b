import { createHash, randomBytes } from 'node:crypto';

// A second, deliberately plain reading of SIP for the tests: it shares no code with src/sip.

export interface SipText {
  start: string;
  /** By lower-case name, comma lists not split. */
  headers: Map<string, string[]>;
  body: string;
}

const compact: Record<string, string> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
};

export function parseSip(text: string): SipText {
  const end = text.indexOf('\r\n\r\n');
  const [start = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const written = line.slice(0, colon).trim().toLowerCase();
    const name = compact[written] ?? written;
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return { start, headers, body: end < 0 ? '' : text.slice(end + 4) };
}

export function formatSip(start: string, headers: readonly [string, string][], body = ''): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return [start, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

export function header(message: SipText, name: string): string {
  return message.headers.get(name)?.[0] ?? '';
}

export function statusOf(message: SipText): number {
  return message.start.startsWith('SIP/2.0 ') ? Number(message.start.slice(8, 11)) : 0;
}

export function methodOf(message: SipText): string {
  return header(message, 'cseq').split(/\s+/)[1] ?? '';
}

/** The URI inside a From, To, Contact or Record-Route. */
export function uriOf(nameAddr: string): string {
  return /<([^>]*)>/.exec(nameAddr)?.[1] ?? nameAddr.split(';')[0] ?? '';
}

/** All elements of a header whose elements stand in angle brackets (Record-Route, Contact). */
export function addresses(message: SipText, name: string): string[] {
  return (message.headers.get(name) ?? []).flatMap((value) => value.match(/<[^>]*>[^,]*/g) ?? []);
}

/** The Authorization value for a challenge (RFC 2617 MD5, qop=auth where offered). */
export function authorize(
  challenge: string,
  request: { method: string; uri: string; username: string; password: string; nc?: string },
): string {
  const field = (name: string) => new RegExp(`${name}="([^"]*)"`, 'i').exec(challenge)?.[1] ?? '';
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const [realm, nonce, opaque] = [field('realm'), field('nonce'), field('opaque')];
  const ha1 = md5(`${request.username}:${realm}:${request.password}`);
  const ha2 = md5(`${request.method}:${request.uri}`);
  const withQop = /qop="?[^"]*auth/i.test(challenge);
  const { nc = '00000001' } = request;
  const cnonce = randomBytes(8).toString('hex');
  const response = withQop
    ? md5(`${ha1}:${nonce}:${nc}:${cnonce}:auth:${ha2}`)
    : md5(`${ha1}:${nonce}:${ha2}`);
  return [
    `Digest username="${request.username}", realm="${realm}", nonce="${nonce}", uri="${request.uri}"`,
    `response="${response}", algorithm=MD5`,
    ...(opaque === '' ? [] : [`opaque="${opaque}"`]),
    ...(withQop ? [`qop=auth, nc=${nc}, cnonce="${cnonce}"`] : []),
  ].join(', ');
}
