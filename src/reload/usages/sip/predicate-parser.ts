import { CodedError } from '../../../base/index.ts';

/** One term of a contact predicate: a feature tag and its values in the syntax of RFC 3840 §9. */
export interface PredicateTerm {
  readonly tag: string;
  readonly values: readonly string[];
}

/** Longer predicates than a registration may hold are not looked at. */
const MAX_LENGTH = 4096;

const TOKENS = /\s*([()&|!]|"[^"]*"|>=|<=|=|\.\.|(?:(?!\.\.)[^\s()&|!"=<>])+)/y;
const NUMBER = /^[+-]?\d+(?:\/\d+)?$/;

/**
 * Reads a contact predicate (RFC 2533 §4.1 in the form that RFC 3840 §5 allows): a conjunction of terms, each about
 * one tag: a filter, a negated filter, or a disjunction of these.
 * @throws CodedError 'bad-contact-prefs'
 */
export function parsePredicate(predicate: string): readonly PredicateTerm[] {
  if (predicate.trim() === '') return [];
  const parser = new Parser(tokens(predicate));
  const terms = parser.conjunction();
  parser.end();
  return terms;
}

function tokens(predicate: string): string[] {
  if (predicate.length > MAX_LENGTH) throw bad(`${predicate.length} characters`);
  const found: string[] = [];
  const text = predicate.trimEnd();
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < text.length) {
    const at = TOKENS.lastIndex;
    const match = TOKENS.exec(text);
    if (match === null) throw bad(`unexpected ${JSON.stringify(text.slice(at, at + 10))}`);
    found.push(match[1]!);
  }
  return found;
}

/** The grammar is three levels deep, so the parser is as well: nothing in the input can make it recurse further. */
class Parser {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(found: readonly string[]) {
    this.#tokens = found;
  }

  conjunction(): readonly PredicateTerm[] {
    if (this.#tokens[1] !== '&') return [this.#term()];
    this.#take('(');
    this.#take('&');
    const terms: PredicateTerm[] = [];
    do terms.push(this.#term());
    while (this.#peek() === '(');
    this.#take(')');
    return terms;
  }

  end(): void {
    if (this.#next !== this.#tokens.length) throw bad(`surplus ${this.#peek()}`);
  }

  #term(): PredicateTerm {
    if (this.#tokens[this.#next + 1] !== '|') return this.#literal();
    this.#take('(');
    this.#take('|');
    const first = this.#literal();
    const values = [...first.values];
    while (this.#peek() === '(') {
      const { tag, values: more } = this.#literal();
      if (tag !== first.tag) throw bad(`a disjunction of ${first.tag} and ${tag}`);
      values.push(...more);
    }
    this.#take(')');
    return { tag: first.tag, values };
  }

  #literal(): PredicateTerm {
    if (this.#tokens[this.#next + 1] !== '!') return this.#filter();
    this.#take('(');
    this.#take('!');
    const { tag, values } = this.#filter();
    this.#take(')');
    return { tag, values: values.map((value) => `!${value}`) };
  }

  #filter(): PredicateTerm {
    this.#take('(');
    const tag = this.#word();
    const operator = this.#word();
    if (operator !== '=' && operator !== '>=' && operator !== '<=') throw bad(`operator ${operator}`);
    const value = this.#word();
    const upper = this.#peek() === '..' ? this.#range() : undefined;
    this.#take(')');
    return { tag, values: [contactValue(operator, value, upper)] };
  }

  #range(): string {
    this.#take('..');
    return this.#word();
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  #word(): string {
    const token = this.#peek();
    if (token === undefined || '()&|!'.includes(token))
      throw bad(`${token ?? 'the end'} where a word belongs`);
    this.#next++;
    return token;
  }

  #take(expected: string): void {
    if (this.#peek() !== expected) throw bad(`${this.#peek() ?? 'the end'} where ${expected} belongs`);
    this.#next++;
  }
}

/** RFC 3840 §5: the string computed from a primitive filter. */
function contactValue(operator: '=' | '>=' | '<=', value: string, upper: string | undefined): string {
  if (upper !== undefined) {
    if (operator !== '=') throw bad('a range with an inequality');
    return `#${decimal(value)}:${decimal(upper)}`;
  }
  if (operator !== '=' || NUMBER.test(value)) return `#${operator}${decimal(value)}`;
  return value.startsWith('"') ? `<${value.slice(1, -1)}>` : value;
}

function decimal(number: string): string {
  if (!NUMBER.test(number)) throw bad(`${number} is no number`);
  const [numerator, denominator] = number.split('/');
  if (denominator === undefined) return number;
  const value = Number(numerator) / Number(denominator);
  if (!Number.isFinite(value)) throw bad(`${number} is no number`);
  return String(value);
}

function bad(what: string): CodedError<'bad-contact-prefs'> {
  return new CodedError('bad-contact-prefs', `contact preferences: ${what}`, { origin: 'remote' });
}
