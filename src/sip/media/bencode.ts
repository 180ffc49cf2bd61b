import { CodedError } from '../../base/index.ts';

/** What bencode can say. Texts are octet strings, one char each. */
export type Bencoded = string | number | readonly Bencoded[] | { readonly [key: string]: Bencoded };

/** Deeper than any answer of a relay. */
const MAX_DEPTH = 8;

export function encodeBencode(value: Bencoded): string {
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (typeof value === 'number') return `i${Math.trunc(value)}e`;
  if (isList(value)) return `l${value.map(encodeBencode).join('')}e`;
  const keys = Object.keys(value).sort();
  return `d${keys.map((key) => encodeBencode(key) + encodeBencode(value[key]!)).join('')}e`;
}

/** @throws CodedError 'bad-bencode' */
export function decodeBencode(text: string): Bencoded {
  const reader = new BencodeReader(text);
  const value = reader.value(0);
  if (!reader.isAtEnd) throw bad('something follows the value');
  return value;
}

class BencodeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  value(depth: number): Bencoded {
    if (depth > MAX_DEPTH) throw bad('nested too deeply');
    switch (this.#text[this.#at]) {
      case 'i':
        this.#at += 1;
        return this.#number('e');
      case 'l':
        return this.#list(depth);
      case 'd':
        return this.#dictionary(depth);
      default:
        return this.#string();
    }
  }

  #list(depth: number): Bencoded[] {
    const items: Bencoded[] = [];
    for (this.#at += 1; !this.#ends(); ) items.push(this.value(depth + 1));
    return items;
  }

  #dictionary(depth: number): { [key: string]: Bencoded } {
    // Without a prototype: a key of the other side's choice is a key and nothing else.
    const entries: { [key: string]: Bencoded } = Object.create(null);
    for (this.#at += 1; !this.#ends(); ) entries[this.#string()] = this.value(depth + 1);
    return entries;
  }

  #ends(): boolean {
    if (this.#text[this.#at] !== 'e') return false;
    this.#at += 1;
    return true;
  }

  #string(): string {
    const length = this.#number(':');
    const end = this.#at + length;
    if (length < 0 || end > this.#text.length) throw bad('a string is cut off');
    const value = this.#text.slice(this.#at, end);
    this.#at = end;
    return value;
  }

  #number(terminator: string): number {
    const end = this.#text.indexOf(terminator, this.#at);
    const digits = end === -1 ? '' : this.#text.slice(this.#at, end);
    if (!/^-?\d{1,15}$/.test(digits)) throw bad(`no number at ${this.#at}`);
    this.#at = end + 1;
    return Number(digits);
  }
}

function isList(value: Bencoded): value is readonly Bencoded[] {
  return Array.isArray(value);
}

function bad(problem: string): CodedError {
  return new CodedError('bad-bencode', `not bencode: ${problem}`, { origin: 'remote' });
}
