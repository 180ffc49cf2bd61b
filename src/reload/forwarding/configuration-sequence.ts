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
