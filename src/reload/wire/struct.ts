import type { Codec, Decoder, Encoder, TypeOf } from './codec.ts';
import { DecodeError, EncodeError } from './decode-error.ts';
import type { KindTable } from './kind-table.ts';
import { type LengthSize, remainder, sized } from './sequences.ts';

type Fields = Readonly<Record<string, Codec<unknown>>>;

/** The value type of a struct with these fields. */
export type StructOf<F extends Fields> = { readonly [K in keyof F]: TypeOf<F[K]> };

/** `struct { … }`: the fields one after the other, in the order of the object literal. */
export function struct<F extends Fields>(fields: F): Codec<StructOf<F>> {
  const names = Object.keys(fields);
  const codecs = Object.values(fields);
  return {
    decode(reader) {
      const value: Record<string, unknown> = {};
      let i = 0;
      try {
        for (; i < names.length; i++) value[names[i]!] = codecs[i]!.decode(reader);
      } catch (error) {
        throw error instanceof DecodeError ? error.within(names[i]!) : error;
      }
      return value as StructOf<F>;
    },
    encode(writer, value) {
      const source: Readonly<Record<string, unknown>> = value;
      for (let i = 0; i < names.length; i++) codecs[i]!.encode(writer, source[names[i]!]);
    },
  };
}

/** The later fields of a struct whose form depends on the earlier ones or on the kind table. */
interface DependentTail<H, T> {
  readonly decoder: (head: H, kinds: KindTable) => Decoder<T>;
  /** Tells from the value alone how to write it. */
  readonly encoder: Encoder<T>;
}

/** A struct whose later fields depend on its earlier ones. */
export function dependent<H extends object, T extends object>(
  head: Codec<H>,
  tail: DependentTail<H, T>,
): Codec<H & T> {
  return {
    decode(reader) {
      const first = head.decode(reader);
      return Object.assign(first, tail.decoder(first, reader.kinds).decode(reader));
    },
    encode(writer, value) {
      head.encode(writer, value);
      tail.encoder.encode(writer, value);
    },
  };
}

/** One case of a select: its number on the wire and its fields. */
export interface Variant<T extends object> {
  readonly tag: number;
  readonly codec: Codec<T>;
}

export function variant<F extends Fields>(tag: number, fields: F): Variant<StructOf<F>> {
  return { tag, codec: struct(fields) };
}

type Variants = Readonly<Record<string, Variant<object>>>;
type VariantType<V> = V extends Variant<infer T> ? T : never;

/** The union of a select's cases, told apart by `type`. */
export type SelectOf<V extends Variants> = {
  [K in keyof V & string]: { readonly type: K } & VariantType<V[K]>;
}[keyof V & string];

/** A case this implementation does not know, kept as it came (only where the structure carries its length). */
export interface UnknownVariant {
  readonly type: 'unknown';
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/** `select (type) { … }` behind its type of one byte; an unknown type is an error (RFC 6940 §6.3.1.1). */
export function select<V extends Variants>(variants: V): Codec<SelectOf<V>> {
  return selectWith(variants, (codec) => codec) as Codec<SelectOf<V>>;
}

/** A select whose type is followed by the length of the rest; types we do not know are skipped and kept. */
export function sizedSelect<V extends Variants>(
  size: LengthSize,
  variants: V,
): Codec<SelectOf<V> | UnknownVariant> {
  const unknown = sized(size, remainder);
  return selectWith(variants, (codec) => sized(size, codec), unknown) as Codec<SelectOf<V> | UnknownVariant>;
}

type Tagged = { readonly type: string };

function selectWith(
  variants: Variants,
  wrap: (codec: Codec<object>) => Codec<object>,
  unknown?: Codec<Uint8Array>,
): Codec<Tagged> {
  const cases = Object.entries(variants).map(([type, { tag, codec }]) => ({ type, tag, codec: wrap(codec) }));
  const byTag = new Map(cases.map((entry) => [entry.tag, entry]));
  const byType = new Map(cases.map((entry) => [entry.type, entry]));
  return {
    decode(reader) {
      const tag = reader.uint(1);
      const found = byTag.get(tag);
      if (found !== undefined) return Object.assign({ type: found.type }, found.codec.decode(reader));
      if (unknown === undefined) throw reader.error('unknown-type', `no case ${tag}`);
      const skipped: UnknownVariant = { type: 'unknown', tag, bytes: unknown.decode(reader) };
      return skipped;
    },
    encode(writer, value) {
      const found = byType.get(value.type);
      if (found !== undefined) {
        writer.uint(1, found.tag);
        found.codec.encode(writer, value);
      } else if (unknown !== undefined && isUnknown(value)) {
        writer.uint(1, value.tag);
        unknown.encode(writer, value.bytes);
      } else {
        throw new EncodeError(`no case ${value.type}`);
      }
    },
  };
}

function isUnknown(value: Tagged): value is UnknownVariant {
  return value.type === 'unknown';
}
