import type { Encoder, TypeOf } from '../wire/codec.ts';
import { boolean, counter64, uint32 } from '../wire/integers.ts';
import { opaque, sized } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { type Modelled, mapModels, modelled } from './data-model.ts';
import { signature } from './signature.ts';

/** RFC 6940 §7.2: `exists` false means removed or never there, with an empty `value`. */
const dataValue = struct({ exists: boolean, value: opaque(4) });
export type DataValue = TypeOf<typeof dataValue>;

/** RFC 6940 §7.2.2: a Store at this index appends. */
export const APPEND_INDEX = 0xffff_ffff;

/** RFC 6940 §7.2: a value and its place: none, array index, or dictionary key (hex). */
export type StoredDataValue = Modelled<DataValue>;

const storedDataValues = modelled(dataValue);

/** The StoredDataValue alone, as value signatures cover it (RFC 6940 §7.1). */
export const storedDataValue: Encoder<StoredDataValue> = storedDataValues.SINGLE;

/** RFC 6940 §7. The length field is implied. */
export interface StoredData {
  /** ms since the Unix epoch. */
  readonly storageTime: number;
  /** Seconds from the receipt of the Store. */
  readonly lifetime: number;
  readonly value: StoredDataValue;
  readonly signature: TypeOf<typeof signature>;
}

export const storedData = mapModels(storedDataValues, (value) =>
  sized(4, struct({ storageTime: counter64, lifetime: uint32, value, signature })),
);
