import type { TypeOf } from '../wire/codec.ts';
import { nodeId } from '../wire/ids.ts';
import { opaque } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { method } from './method.ts';

/** RFC 6940 §6.4.2.1; CHORD-RELOAD puts nothing into `overlayData` (§10.5). */
const joinReq = struct({ joiningPeerId: nodeId, overlayData: opaque(2) });
export type JoinReq = TypeOf<typeof joinReq>;

const joinAns = struct({ overlayData: opaque(2) });
export type JoinAns = TypeOf<typeof joinAns>;

export const join = method('join', 0x0f, joinReq, joinAns);
