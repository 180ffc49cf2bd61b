import { SipSyntaxError } from './errors.ts';
import { quotedEnd, skipSpace } from './text.ts';

type Value = string | true;

/** Beyond this a table is made to find names in, so that the time for n of them never grows with their square. */
const MANY = 16;

/**
 * Parameters in the order written: names in lower case, values exactly as written (a quoted string keeps its
 * quotes, see `unquote`), `true` for a parameter without a value. They are few, in a dozen places of a message: one
 * array of names and values in turn is a third of a Map's size, and faster.
 */
export class Params implements Iterable<readonly [name: string, value: Value]> {
  readonly #items: readonly Value[];
  #table: ReadonlyMap<string, Value> | undefined;

  /** @param items names and values in turn; no name twice */
  constructor(items: readonly Value[] = []) {
    this.#items = items;
  }

  get size(): number {
    return this.#items.length / 2;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get(name: string): Value | undefined {
    const items = this.#items;
    if (items.length > 2 * MANY) {
      this.#table ??= new Map(this);
      return this.#table.get(name);
    }
    for (let at = 0; at < items.length; at += 2) if (items[at] === name) return items[at + 1];
    return undefined;
  }

  /** A copy with one more at the end, or with another value in its place. */
  with(name: string, value: Value): Params {
    const items = this.#items.slice();
    const at = items.findIndex((item, index) => index % 2 === 0 && item === name);
    if (at < 0) items.push(name, value);
    else items[at + 1] = value;
    return new Params(items);
  }

  /** A copy without those of these names. */
  without(names: Iterable<string>): Params {
    const dropped = new Set(names);
    return new Params([...this].filter(([name]) => !dropped.has(name)).flat());
  }

  *[Symbol.iterator](): IterableIterator<[name: string, value: Value]> {
    const items = this.#items;
    for (let at = 0; at < items.length; at += 2) yield [items[at] as string, items[at + 1]!];
  }

  /** `;name=value;flag` */
  toString(): string {
    const items = this.#items;
    let text = '';
    for (let at = 0; at < items.length; at += 2) {
      text += items[at + 1] === true ? `;${items[at]}` : `;${items[at]}=${items[at + 1]}`;
    }
    return text;
  }
}

/** Collects parameters. The first one of a name counts: a repeated one cannot override what was checked. */
export class ParamsBuilder {
  readonly #items: Value[] = [];
  #names: Set<Value> | undefined;

  add(name: string, value: Value): void {
    if (this.#isRepeated(name)) return;
    this.#items.push(name, value);
  }

  build(): Params {
    return new Params(this.#items);
  }

  #isRepeated(name: string): boolean {
    const items = this.#items;
    if (items.length > 2 * MANY) {
      this.#names ??= new Set(items.filter((_, index) => index % 2 === 0));
      const { size } = this.#names;
      return this.#names.add(name).size === size;
    }
    for (let at = 0; at < items.length; at += 2) if (items[at] === name) return true;
    return false;
  }
}

export const noParams = new Params();

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;

/**
 * Parses `;name=value;flag` from `from` to the end of the text, white space around each part allowed (RFC 3261
 * §25.1 `generic-param`).
 * @throws SipSyntaxError 'bad-header' on an empty name, an unclosed quote or stray text
 */
export function parseParams(text: string, from: number): Params {
  let at = skipSpace(text, from);
  if (at >= text.length) return noParams;
  const params = new ParamsBuilder();
  while (at < text.length) {
    if (text.charCodeAt(at) !== SEMICOLON) throw bad(text);
    at = skipSpace(text, at + 1);
    const nameStart = at;
    at = wordEnd(text, at);
    if (at === nameStart) throw bad(text);
    const name = text.slice(nameStart, at).toLowerCase();
    at = skipSpace(text, at);
    let value: string | true = true;
    if (text.charCodeAt(at) === EQUALS) {
      at = skipSpace(text, at + 1);
      const valueStart = at;
      at = text.charCodeAt(at) === QUOTE ? quotedEnd(text, at) : valueEnd(text, at);
      if (at < 0) throw bad(text);
      value = text.slice(valueStart, at);
      at = skipSpace(text, at);
    }
    params.add(name, value);
  }
  return params.build();
}

/** The value of a parameter that must have one; undefined when absent or written without a value. */
export function paramText(params: Params, name: string): string | undefined {
  const value = params.get(name);
  return value === true ? undefined : value;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON || code === EQUALS || isDelimiter(code)) break;
  }
  return at;
}

function valueEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON || isDelimiter(code)) break;
  }
  return at;
}

/** By octet, whether it ends a token: space, tab, comma, quote and angle brackets; controls are never part of one. */
const DELIMITERS = Array.from(
  { length: 256 },
  (_, code) => code <= 0x20 || code === 0x7f || ',"<>'.includes(String.fromCharCode(code)),
);

function isDelimiter(code: number): boolean {
  return DELIMITERS[code] === true;
}

function bad(text: string): SipSyntaxError {
  return new SipSyntaxError('bad-header', `malformed parameters: ${text.slice(0, 120)}`, {
    origin: 'remote',
  });
}
