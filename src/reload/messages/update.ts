import { remainder } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { empty, method } from './method.ts';

/** RFC 6940 §6.4.2.3: the topology plug-in's own structure fills the body; in CHORD-RELOAD a ChordUpdate. */
const updateReq = struct({ overlayData: remainder });

export const update = method('update', 0x13, updateReq, empty);
