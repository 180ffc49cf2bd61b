import type { TypeOf } from '../wire/codec.ts';
import { boolean, counter64, uint8, uint32 } from '../wire/integers.ts';
import { opaqueHex, sized, vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { kindValues, type Modelled, mapModels, modelled } from './data-model.ts';
import { type DataRequest, dataRequest } from './data-specifier.ts';
import { method } from './method.ts';

export type StatReq = DataRequest;

/** RFC 6940 §7.4.3.2: the digest covers the value's bytes behind their four length bytes. */
const metaData = struct({
  exists: boolean,
  valueLength: uint32,
  hashAlgorithm: uint8,
  hashValue: opaqueHex(1),
});
export type MetaData = TypeOf<typeof metaData>;

export interface StoredMetaData {
  /** ms since the Unix epoch. */
  readonly storageTime: number;
  /** Seconds. */
  readonly lifetime: number;
  readonly metadata: Modelled<MetaData>;
}

const storedMetaData = mapModels(modelled(metaData), (metadata) =>
  sized(4, struct({ storageTime: counter64, lifetime: uint32, metadata })),
);

const statAns = struct({ kindResponses: vector(4, kindValues(storedMetaData)) });
export type StatAns = TypeOf<typeof statAns>;

export const stat = method('stat', 0x19, dataRequest, statAns);
