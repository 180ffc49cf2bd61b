import { SipSyntaxError } from './errors.ts';
import { headerKey } from './header-names.ts';
import { nextComma, sliceTrimmed, unfold } from './text.ts';

/** One header line: a range of the received head, or of a text of our own. Never changed, so copies share it. */
export interface HeaderLine {
  readonly key: string;
  readonly source: string;
  /** First char of the name. */
  readonly start: number;
  /** The char after the colon. */
  readonly valueStart: number;
  /** The char after the value, before CRLF. */
  readonly end: number;
}

const CRLF_LENGTH = 2;

/**
 * The header lines of one message in order. Lines that nobody edits are never copied: `format` emits each run of
 * neighbouring original lines as one slice of the received text.
 */
export class HeaderList {
  readonly #lines: HeaderLine[];

  constructor(lines: HeaderLine[] = []) {
    this.#lines = lines;
  }

  clone(): HeaderList {
    return new HeaderList(this.#lines.slice());
  }

  has(key: string): boolean {
    return this.#indexOf(key) >= 0;
  }

  count(key: string): number {
    let count = 0;
    for (const line of this.#lines) if (line.key === key) count += 1;
    return count;
  }

  /** The first of the keys, at most 31, that has more than one line. */
  repeatedOf(keys: readonly string[]): string | undefined {
    let seen = 0;
    let repeated = 0;
    for (const { key } of this.#lines) {
      const at = keys.indexOf(key);
      if (at < 0) continue;
      if ((seen & (1 << at)) !== 0) repeated |= 1 << at;
      seen |= 1 << at;
    }
    return repeated === 0 ? undefined : keys.find((_, at) => (repeated & (1 << at)) !== 0);
  }

  /** The unfolded, trimmed value of the first line with this key. */
  first(key: string): string | undefined {
    const index = this.#indexOf(key);
    return index < 0 ? undefined : lineValue(this.#lines[index]!);
  }

  /** The values of all lines with this key. */
  all(key: string): string[] {
    const values: string[] = [];
    for (const line of this.#lines) if (line.key === key) values.push(lineValue(line));
    return values;
  }

  /** The names of all headers, as keys, each once. */
  keys(): Set<string> {
    return new Set(this.#lines.map((line) => line.key));
  }

  /** Puts `line` where the first line with its key is, and drops all others; adds it at the end when there is none. */
  set(line: HeaderLine): void {
    const index = this.#indexOf(line.key);
    if (index < 0) {
      this.#lines.push(line);
      return;
    }
    this.#lines[index] = line;
    for (let at = this.#lines.length - 1; at > index; at -= 1) {
      if (this.#lines[at]!.key === line.key) this.#lines.splice(at, 1);
    }
  }

  /** Puts `line` before the first line with its key; without one, at the very top. */
  prepend(line: HeaderLine): void {
    this.#lines.splice(Math.max(this.#indexOf(line.key), 0), 0, line);
  }

  append(line: HeaderLine): void {
    this.#lines.push(line);
  }

  /** Appends the lines of another message with this key, unparsed. */
  copy(from: HeaderList, key: string): void {
    from.copyTo(this.#lines, key);
  }

  /** Adds the lines with this key to a list, unparsed. */
  copyTo(lines: HeaderLine[], key: string): void {
    for (const line of this.#lines) if (line.key === key) lines.push(line);
  }

  remove(key: string): boolean {
    let kept = this.#indexOf(key);
    if (kept < 0) return false;
    for (let at = kept + 1; at < this.#lines.length; at += 1) {
      const line = this.#lines[at]!;
      if (line.key === key) continue;
      this.#lines[kept] = line;
      kept += 1;
    }
    while (this.#lines.length > kept) this.#lines.pop();
    return true;
  }

  /** The first element of a comma list, across lines. */
  firstElement(key: string): string | undefined {
    const value = this.first(key);
    if (value === undefined) return undefined;
    const comma = nextComma(value, 0);
    return comma < 0 ? value : sliceTrimmed(value, 0, comma);
  }

  /**
   * Replaces the first element of a comma list, or removes it when `element` is undefined.
   * @returns false when there is no such header
   */
  replaceFirstElement(key: string, name: string, element: string | undefined): boolean {
    const index = this.#indexOf(key);
    if (index < 0) return false;
    const value = lineValue(this.#lines[index]!);
    const comma = nextComma(value, 0);
    const rest = comma < 0 ? undefined : sliceTrimmed(value, comma + 1, value.length);
    if (element === undefined && rest === undefined) this.#lines.splice(index, 1);
    else {
      const text = element === undefined ? rest! : rest === undefined ? element : `${element}, ${rest}`;
      this.#lines[index] = makeLine(key, name, text);
    }
    return true;
  }

  /** All lines, each with its CRLF. */
  format(): string {
    const lines = this.#lines;
    let text = '';
    for (let index = 0; index < lines.length; ) {
      const { source, start } = lines[index]!;
      let end = lines[index]!.end;
      index += 1;
      for (let next = lines[index]; next !== undefined; next = lines[index]) {
        if (next.start !== end + CRLF_LENGTH || next.source !== source) break;
        end = next.end;
        index += 1;
      }
      text += `${source.slice(start, end)}\r\n`;
    }
    return text;
  }

  #indexOf(key: string): number {
    const lines = this.#lines;
    for (let index = 0; index < lines.length; index += 1) if (lines[index]!.key === key) return index;
    return -1;
  }
}

/**
 * A line of our own.
 * @throws SipSyntaxError 'bad-value' when name or value would break the line
 */
export function headerLine(name: string, value: string): HeaderLine {
  const key = headerKey(name);
  if (key === undefined) throw new SipSyntaxError('bad-value', `not a header name: ${name}`);
  return makeLine(key, name, value);
}

function makeLine(key: string, name: string, value: string): HeaderLine {
  if (value.includes('\n') || value.includes('\r')) {
    throw new SipSyntaxError('bad-value', `line break in the value of ${name}`);
  }
  const source = `${name}: ${value}`;
  return { key, source, start: 0, valueStart: name.length + 1, end: source.length };
}

function lineValue(line: HeaderLine): string {
  return unfold(sliceTrimmed(line.source, line.valueStart, line.end));
}
