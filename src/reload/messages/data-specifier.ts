import type { Codec, Decoder, TypeOf } from '../wire/codec.ts';
import { dictionaryKey, type KindId, resourceId } from '../wire/ids.ts';
import { counter64, uint32 } from '../wire/integers.ts';
import { opaque, sized, vector } from '../wire/sequences.ts';
import { dependent, struct } from '../wire/struct.ts';
import { byKind, noting } from './data-model.ts';

const arrayRange = struct({ first: uint32, last: uint32 });

/** RFC 6940 §7.4.2.1: both ends included, counted from 0; `last` 0xffffffff is the final element. */
export type ArrayRange = TypeOf<typeof arrayRange>;

/** RFC 6940 §7.4.2.1: which elements of a Kind; no keys means all keys. */
export type ModelSpecifier =
  | { readonly model: 'SINGLE' }
  | { readonly model: 'ARRAY'; readonly indices: readonly ArrayRange[] }
  | { readonly model: 'DICTIONARY'; readonly keys: readonly string[] };

/** `generation`: the counter the asker has seen, or 0; equal to the stored one means "send no values". */
export type StoredDataSpecifier = { readonly kind: KindId; readonly generation: number } & ModelSpecifier;

const ranges = vector(2, arrayRange);
const keys = vector(2, dictionaryKey);

const specifiers = {
  SINGLE: specifier((): ModelSpecifier => ({ model: 'SINGLE' })),
  ARRAY: specifier((reader): ModelSpecifier => ({ model: 'ARRAY', indices: ranges.decode(reader) })),
  DICTIONARY: specifier((reader): ModelSpecifier => ({ model: 'DICTIONARY', keys: keys.decode(reader) })),
};

function specifier(decode: Decoder<ModelSpecifier>['decode']): Codec<ModelSpecifier> {
  return sized(2, {
    decode,
    encode(writer, value) {
      if (value.model === 'ARRAY') ranges.encode(writer, value.indices);
      else if (value.model === 'DICTIONARY') keys.encode(writer, value.keys);
    },
  });
}

const skippedBytes = opaque(2);

const skippedSpecifier: Decoder<ModelSpecifier> = {
  decode(reader) {
    skippedBytes.decode(reader);
    return { model: 'SINGLE' };
  },
};

const storedDataSpecifier: Codec<StoredDataSpecifier> = dependent(
  struct({ kind: uint32, generation: counter64 }),
  {
    decoder: ({ kind }, kinds) => byKind(kind, kinds, specifiers) ?? noting(kind, skippedSpecifier),
    encoder: specifiers.SINGLE,
  },
);

/** RFC 6940 §7.4.2.1 and §7.4.3.1: the request of both Fetch and Stat. */
export const dataRequest = struct({ resource: resourceId, specifiers: vector(2, storedDataSpecifier) });
export type DataRequest = TypeOf<typeof dataRequest>;
