/** A SIP message as text: read and written for these tests alone, with no code of src/sip. */

/** Header values by name; several lines by a list; undefined leaves a default out. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const COMPACT: Readonly<Record<string, string>> = {
  ...{ v: 'via', f: 'from', t: 'to', i: 'call-id', m: 'contact', l: 'content-length', c: 'content-type' },
  ...{ k: 'supported', s: 'subject', o: 'event', r: 'refer-to', x: 'session-expires' },
};

export class Message {
  /** As it went over the wire, octet by octet in binary text. */
  readonly text: string;
  readonly start: string;
  readonly body: string;
  readonly #headers = new Map<string, string[]>();

  constructor(text: string) {
    this.text = text;
    const end = text.indexOf('\r\n\r\n');
    this.body = text.slice(end + 4);
    const [start = '', ...lines] = text.slice(0, end).split(/\r\n(?![ \t])/);
    this.start = start;
    for (const line of lines) {
      const colon = line.indexOf(':');
      const written = line.slice(0, colon).trim().toLowerCase();
      const name = COMPACT[written] ?? written;
      const value = line.slice(colon + 1).replace(/\r\n[ \t]+/g, ' ');
      this.#headers.set(name, [...this.lines(name), value.trim()]);
    }
  }

  /** Undefined in a request. */
  get status(): number | undefined {
    const match = /^SIP\/2\.0 (\d{3})/.exec(this.start);
    return match === null ? undefined : Number(match[1]);
  }

  /** Of the request, also in a response to it. */
  get method(): string {
    return this.header('CSeq').split(/\s+/)[1] ?? '';
  }

  get uri(): string {
    return this.start.split(' ')[1] ?? '';
  }

  get cseq(): number {
    return Number.parseInt(this.header('CSeq'), 10);
  }

  get branch(): string {
    return parameter(this.header('Via').split(',')[0] ?? '', 'branch') ?? '';
  }

  get toTag(): string | undefined {
    return parameter(this.header('To'), 'tag');
  }

  /** The first line's value; empty when there is none. */
  header(name: string): string {
    return this.lines(name)[0] ?? '';
  }

  lines(name: string): readonly string[] {
    return this.#headers.get(name.toLowerCase()) ?? [];
  }

  /** The elements of a comma-separated header, over all its lines. */
  list(name: string): readonly string[] {
    return this.lines(name)
      .flatMap((line) => line.match(/(?:"[^"]*"|<[^>]*>|[^,])+/g) ?? [])
      .map((item) => item.trim());
  }

  /** The URI of the first element of a Contact, To, Refer-To. */
  uriIn(name: string): string {
    return uriOf(this.list(name)[0] ?? '');
  }
}

function uriOf(nameAddr: string): string {
  return /<([^>]*)>/.exec(nameAddr)?.[1] ?? nameAddr.split(';')[0] ?? '';
}

/** A parameter's value as it was written; empty for one without a value. */
export function parameter(value: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}(?:\\s*=\\s*("[^"]*"|[^;,\\s>]*))?(?=[;,\\s>]|$)`, 'i').exec(value);
  return match === null ? undefined : (match[1] ?? '');
}

/** The bindings in a 200 to REGISTER, `URI expires`. */
export function bindings(ok: Message): string[] {
  return ok.list('Contact').map((contact) => {
    const uri = /<(.*?)>/.exec(contact)?.[1];
    return `${uri} ${parameter(contact, 'expires')}`;
  });
}

/** The defaults in their order, then the other headers; Content-Length is counted unless it is given. */
export function format(start: string, defaults: Headers, more: Headers = {}, body = ''): string {
  const length = Buffer.byteLength(body, 'latin1');
  const headers: Headers = { ...defaults, 'Content-Length': String(length), ...more };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (value === undefined ? [] : [value].flat()).map((text) => `${name}: ${text}`),
  );
  return [start, ...lines, '', body].join('\r\n');
}
