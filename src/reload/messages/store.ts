import type { TypeOf } from '../wire/codec.ts';
import { nodeId, resourceId } from '../wire/ids.ts';
import { counter64, uint8, uint32 } from '../wire/integers.ts';
import { vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { type KindValues, kindValues } from './data-model.ts';
import { method } from './method.ts';
import { type StoredData, storedData } from './stored-data.ts';

/** RFC 6940 §7.4.1.1: the values of one Kind; `generation` 0 means "whatever the counter is". */
export type StoreKindData = KindValues<StoredData>;

export const storeReq = struct({
  resource: resourceId,
  /** 0: the owner stores; n: this is replica n. */
  replicaNumber: uint8,
  kindData: vector(4, kindValues(storedData)),
});
export type StoreReq = TypeOf<typeof storeReq>;

const storeKindResponse = struct({ kind: uint32, generation: counter64, replicas: vector(2, nodeId) });
export type StoreKindResponse = TypeOf<typeof storeKindResponse>;

/** RFC 6940 §7.4.1.2; also the error_info of Generation_Counter_Too_Low. */
export const storeAns = struct({ kindResponses: vector(2, storeKindResponse) });
export type StoreAns = TypeOf<typeof storeAns>;

export const store = method('store', 0x07, storeReq, storeAns);
