import type { TypeOf } from '../wire/codec.ts';
import { resourceId } from '../wire/ids.ts';
import { uint32 } from '../wire/integers.ts';
import { vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { method } from './method.ts';

/** RFC 6940 §7.4.4.1. */
const findReq = struct({ resource: resourceId, kinds: vector(1, uint32) });
export type FindReq = TypeOf<typeof findReq>;

/** RFC 6940 §7.4.4.2: `closest` is a Resource-ID of zeros when there is none. */
const findAns = struct({ results: vector(2, struct({ kind: uint32, closest: resourceId })) });
export type FindAns = TypeOf<typeof findAns>;

export const find = method('find', 0x0d, findReq, findAns);
