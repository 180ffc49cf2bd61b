import { CodedError } from '../../base/index.ts';

/** One DER element: `raw` is the whole of it, `content` what its length covers. Both are views, not copies. */
export interface DerElement {
  readonly tag: number;
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
}

export const DER = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
} as const;

/** A context-specific tag, as in `[3] EXPLICIT`. */
export function contextTag(number: number, constructed: boolean): number {
  return (constructed ? 0xa0 : 0x80) | number;
}

/** @throws always: CodedError 'certificate-malformed' */
export function malformed(what: string): never {
  throw new CodedError('certificate-malformed', `malformed certificate: ${what}`);
}

/**
 * Reads the elements of a DER constructed value one after the other. Only what certificates need: single-byte
 * tags and definite, minimally encoded lengths; everything else is refused with 'certificate-malformed'.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The next element, which must have this tag if one is given. */
  next(tag?: number): DerElement {
    const start = this.#offset;
    const found = this.#byte();
    if ((found & 0x1f) === 0x1f) malformed('a multi-byte tag');
    if (tag !== undefined && found !== tag) malformed(`tag ${found} where ${tag} belongs`);
    const length = this.#length();
    const contentStart = this.#offset;
    if (length > this.#bytes.length - contentStart) malformed('an element reaches beyond its container');
    this.#offset = contentStart + length;
    return {
      tag: found,
      raw: this.#bytes.subarray(start, this.#offset),
      content: this.#bytes.subarray(contentStart, this.#offset),
    };
  }

  /** The next element if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return !this.done && this.#bytes[this.#offset] === tag ? this.next() : undefined;
  }

  /** Requires that nothing is left. */
  end(): void {
    if (!this.done) malformed('surplus bytes');
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) malformed('it ends too early');
    this.#offset += 1;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 3) malformed('an indefinite or absurd length');
    let length = 0;
    for (let i = 0; i < count; i += 1) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) malformed('a length not in its shortest form');
    return length;
  }
}
