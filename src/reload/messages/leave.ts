import { nodeId } from '../wire/ids.ts';
import { opaque } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { empty, method } from './method.ts';

/** RFC 6940 §6.4.2.2; in CHORD-RELOAD `overlayData` is a ChordLeaveData (§10.9). */
const leaveReq = struct({ leavingPeerId: nodeId, overlayData: opaque(2) });

export const leave = method('leave', 0x11, leaveReq, empty);
