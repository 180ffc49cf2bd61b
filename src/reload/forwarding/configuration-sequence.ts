import type { Destination } from '../messages/destination.ts';
import type { NodeId } from '../wire/ids.ts';
import type { ReloadError } from './reload-error.ts';

/** RFC 6940 §6.3.2.1: sequence numbers are counted modulo this; 65535 itself is special. */
const MODULUS = 65_535;

/** A ConfigUpdate with this sequence is taken whatever the receiver's own is (RFC 6940 §6.3.2.1). */
export const ANY_SEQUENCE = 65_535;

/** How a request's sequence stands to ours, "by modulo arithmetic as in TCP". */
export function compareSequence(theirs: number, ours: number): 'equal' | 'older' | 'newer' {
  const distance = (((theirs - ours) % MODULUS) + MODULUS) % MODULUS;
  if (distance === 0) return theirs === ours ? 'equal' : 'newer';
  return distance <= MODULUS / 2 ? 'newer' : 'older';
}

/** The sequence after this one: 65534 is followed by 0. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) % MODULUS;
}

/** A request of ours was refused because its destination has another configuration than we have. */
export interface ConfigurationMismatch {
  /** Config_Too_Old, Config_Too_New or Unknown_Kind. */
  readonly error: ReloadError;
  /** The sequence in the request's header. */
  readonly sequence: number;
  /** Where the request went: a ConfigUpdate can take the same way. */
  readonly destinationList: readonly Destination[];
  readonly firstHop: NodeId | undefined;
}

/** Brings both to the same configuration if it can; true: the request is worth repeating. Never rejects. */
export type MendConfiguration = (mismatch: ConfigurationMismatch) => Promise<boolean>;
