import type { TypeOf } from '../wire/codec.ts';
import { uint8, uint32 } from '../wire/integers.ts';
import { vector } from '../wire/sequences.ts';
import { sizedSelect, struct, variant } from '../wire/struct.ts';
import { method } from './method.ts';

/** RFC 6940 §6.4.2.5: what a Probe may ask for. */
export const ProbeInformationType = { responsibleSet: 1, numResources: 2, uptime: 3 } as const;

/** Numbers this implementation does not know are kept, and left out of the answer. */
const probeReq = struct({ requestedInfo: vector(1, uint8) });

const probeInformation = sizedSelect(1, {
  /** Fraction of the overlay this peer is responsible for, in parts per billion. */
  responsibleSet: variant(1, { responsiblePpb: uint32 }),
  numResources: variant(2, { numResources: uint32 }),
  /** Seconds. */
  uptime: variant(3, { uptime: uint32 }),
});
export type ProbeInformation = TypeOf<typeof probeInformation>;

const probeAns = struct({ probeInfo: vector(2, probeInformation) });

export const probe = method('probe', 0x01, probeReq, probeAns);
