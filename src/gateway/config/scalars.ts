import * as v from 'valibot';
import { CodedError } from '../../base/index.ts';
import { parseUri } from '../../sip/message/uri.ts';
import { isHostName, isIpLiteral, parseListenUrl } from './listen-url.ts';

// Building blocks of the schemas. Every message reads `<problem>; <mend>`.

/** A value as it stands in the file, shortened, for messages. */
function quote(value: unknown): string {
  const text = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

type AnyEntries = Record<string, v.GenericSchema>;

/** A block of keys; an unknown key is an error that names the nearest known one. */
export function block<const Entries extends AnyEntries>(entries: Entries) {
  const keys = Object.keys(entries);
  return v.strictObject(entries, (issue) => {
    if (issue.expected === 'never') return unknownKey(issue.received, keys);
    if (issue.expected === 'Object')
      return `${quote(issue.input)} is not a block of keys; give ${keys.join(', ')}`;
    return `is missing; add it`;
  });
}

function unknownKey(received: string, keys: readonly string[]): string {
  const key = received.replace(/^"|"$/g, '');
  const near = keys.find((known) => editDistance(known, key) <= 2);
  const hint = near === undefined ? `known here: ${keys.join(', ')}` : `did you mean ${near}?`;
  return `is not a key of this version; ${hint}`;
}

/** Levenshtein distance; the keys are short. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, swap));
    }
    row = next;
  }
  return row[b.length]!;
}

/** A list, or one value standing for a list of one. */
export function list<Item extends v.GenericSchema>(item: Item) {
  return v.pipe(
    v.unknown(),
    v.transform((input): unknown => (Array.isArray(input) ? input : [input])),
    v.array(item),
    v.maxLength(1000, (issue) => `has ${issue.input.length} entries; give at most 1000`),
  );
}

export function flag() {
  return v.boolean((issue) => `${quote(issue.input)} is not a yes or no; write true or false`);
}

export function choice<const Options extends readonly string[]>(options: Options) {
  return v.picklist(options, (issue) => `${quote(issue.input)} is not known; choose ${options.join(', ')}`);
}

export function integer(min: number, max: number) {
  const mend = `give a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number((issue) => `${quote(issue.input)} is not a number; ${mend}`),
    v.check(
      (value) => Number.isInteger(value) && value >= min && value <= max,
      (issue) => `${quote(issue.input)} is out of range; ${mend}`,
    ),
  );
}

/** A non-empty text that satisfies `test`; `mend` shows what one looks like. */
export function text(mend: string, test: (value: string) => boolean = () => true) {
  return v.pipe(
    v.string((issue) => `${quote(issue.input)} is not a text; ${mend}`),
    v.check(
      (value) => value !== '' && test(value),
      (issue) => `${quote(issue.input)} will not do; ${mend}`,
    ),
  );
}

/** The same for what must not be shown: neither terminal nor log ever gets to see the value. */
export function secretText(mend: string, test: (value: string) => boolean = () => true) {
  return v.pipe(
    v.string(`is not a text; ${mend}`),
    v.check((value) => value !== '' && test(value), `will not do; ${mend}`),
  );
}

export interface UrlRules {
  readonly schemes: readonly string[];
  readonly defaultPort: number | ((scheme: string) => number);
  /** False: the host must be an IP literal, as for everything we listen on. */
  readonly names: boolean;
}

/** `scheme://host[:port]`, parsed, the default port filled in. */
export function url({ schemes, defaultPort, names }: UrlRules) {
  const sample = `${schemes[0]}://127.0.0.1:${portFor(defaultPort, schemes[0]!)}`;
  return v.pipe(
    v.string((issue) => `${quote(issue.input)} is not an address; write it like ${sample}`),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const refuse = (problem: string, mend: string) => {
        addIssue({ message: `${quote(dataset.value)} ${problem}; ${mend}` });
        return NEVER;
      };
      try {
        const { scheme, host, port } = parseListenUrl(dataset.value);
        if (!schemes.includes(scheme)) {
          return refuse(`begins with ${scheme}://`, `use ${schemes.map((s) => `${s}://`).join(' ')}`);
        }
        if (!names && !isIpLiteral(host)) {
          return refuse('names a host', 'give the IP address to listen on (0.0.0.0 or [::] for all)');
        }
        return { scheme, host, port: port ?? portFor(defaultPort, scheme) };
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        return refuse(error.message, `write it like ${sample}`);
      }
    }),
  );
}

function portFor(port: UrlRules['defaultPort'], scheme: string): number {
  return typeof port === 'number' ? port : port(scheme);
}

/** A SIP URI that names a host, `sip:gw1.example.org:5060`. */
export function sipUri(mend: string) {
  return text(mend, (value) => {
    try {
      const uri = parseUri(value);
      return uri.isSip && uri.host !== '';
    } catch {
      return false;
    }
  });
}

/** A DNS name. Overlay names are hashed and domains compared as lower case, so nothing else is taken. */
export function domainName() {
  return text('write a domain name in lower case, like example.org', isHostName);
}
