import type { Codec, Decoder } from '../wire/codec.ts';
import { dictionaryKey, type KindId } from '../wire/ids.ts';
import { counter64, uint32 } from '../wire/integers.ts';
import type { DataModel, KindTable } from '../wire/kind-table.ts';
import { opaque, vector } from '../wire/sequences.ts';
import { dependent, struct } from '../wire/struct.ts';

/**
 * The codecs of a structure in the three data models of RFC 6940 §7.2. The wire does not carry the model, so
 * decoding must be told; a decoded value says its model itself, so each of the three encodes the values of all.
 */
export type PerModel<T> = Readonly<Record<DataModel, Codec<T>>>;

/** What an element holds (`T`), with the place it has in its data model. */
export type Modelled<T> =
  | ({ readonly model: 'SINGLE' } & T)
  | ({ readonly model: 'ARRAY'; readonly index: number } & T)
  | ({ readonly model: 'DICTIONARY'; readonly key: string } & T);

/** RFC 6940 §7.2: the element alone, behind its array index, or behind its dictionary key. */
export function modelled<T extends object>(element: Codec<T>): PerModel<Modelled<T>> {
  const decoders: { readonly [M in DataModel]: Decoder<Modelled<T>> } = {
    SINGLE: { decode: (reader) => Object.assign({ model: 'SINGLE' as const }, element.decode(reader)) },
    ARRAY: {
      decode: (reader) =>
        Object.assign({ model: 'ARRAY' as const, index: reader.uint(4) }, element.decode(reader)),
    },
    DICTIONARY: {
      decode: (reader) =>
        Object.assign(
          { model: 'DICTIONARY' as const, key: dictionaryKey.decode(reader) },
          element.decode(reader),
        ),
    },
  };
  const codecOf = (model: DataModel): Codec<Modelled<T>> => ({
    decode: decoders[model].decode,
    encode(writer, value) {
      if (value.model === 'ARRAY') writer.uint(4, value.index);
      else if (value.model === 'DICTIONARY') dictionaryKey.encode(writer, value.key);
      element.encode(writer, value);
    },
  });
  return { SINGLE: codecOf('SINGLE'), ARRAY: codecOf('ARRAY'), DICTIONARY: codecOf('DICTIONARY') };
}

/** A structure around a modelled one. */
export function mapModels<T, U>(codecs: PerModel<T>, wrap: (codec: Codec<T>) => Codec<U>): PerModel<U> {
  return {
    SINGLE: wrap(codecs.SINGLE),
    ARRAY: wrap(codecs.ARRAY),
    DICTIONARY: wrap(codecs.DICTIONARY),
  };
}

/** All values of one Kind, as Store, Fetch and Stat carry them. */
export interface KindValues<T> {
  readonly kind: KindId;
  readonly generation: number;
  readonly values: readonly T[];
}

const kindHead = struct({ kind: uint32, generation: counter64 });
const skippedValues = opaque(4);

/** `KindId kind; uint64 generation; T values<0..2^32-1>`; values of an unknown Kind are skipped and the Kind noted. */
export function kindValues<T>(codecs: PerModel<T>): Codec<KindValues<T>> {
  const lists = mapModels(codecs, (codec) => struct({ values: vector(4, codec) }));
  const skip: Decoder<{ readonly values: readonly T[] }> = {
    decode(reader) {
      skippedValues.decode(reader);
      return { values: [] };
    },
  };
  return dependent(kindHead, {
    decoder: ({ kind }, kinds) => byKind(kind, kinds, lists) ?? noting(kind, skip),
    encoder: lists.SINGLE,
  });
}

/** The decoder for a Kind's data model; undefined for a Kind the table lacks. */
export function byKind<T>(kind: KindId, kinds: KindTable, codecs: PerModel<T>): Decoder<T> | undefined {
  const definition = kinds.get(kind);
  return definition === undefined ? undefined : codecs[definition.dataModel];
}

/** Decodes as `decoder` does and notes the Kind as unknown, which refuses the whole message at its end. */
export function noting<T>(kind: KindId, decoder: Decoder<T>): Decoder<T> {
  return {
    decode(reader) {
      reader.noteUnknownKind(kind);
      return decoder.decode(reader);
    },
  };
}
