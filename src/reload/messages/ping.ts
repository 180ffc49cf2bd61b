import { counter64, uint64 } from '../wire/integers.ts';
import { opaque } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { method } from './method.ts';

/** RFC 6940 §6.5.3.1. */
const pingReq = struct({ padding: opaque(2) });

/** RFC 6940 §6.5.3.2: `time` in ms since the Unix epoch. */
const pingAns = struct({ responseId: uint64, time: counter64 });

export const ping = method('ping', 0x17, pingReq, pingAns);
