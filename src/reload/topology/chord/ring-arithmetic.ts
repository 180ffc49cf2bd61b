/**
 * Arithmetic modulo 2^128 on identifiers as 32 lower-case hex digits (RFC 6940 §10.1). Comparisons work on the hex
 * text itself; only sums and distances need integers.
 */
const BITS = 128;
const MODULUS = 1n << BigInt(BITS);

function toInteger(id: string): bigint {
  return BigInt(`0x${id}`);
}

function fromInteger(value: bigint): string {
  return (value & (MODULUS - 1n)).toString(16).padStart(BITS / 4, '0');
}

/** `id + 2^exponent` */
export function plusPowerOfTwo(id: string, exponent: number): string {
  return fromInteger(toInteger(id) + (1n << BigInt(exponent)));
}

/** `id + 1` */
export function next(id: string): string {
  return fromInteger(toInteger(id) + 1n);
}

/** `id + offset`, the offset being 16 bytes of hex. */
export function plus(id: string, offset: string): string {
  return fromInteger(toInteger(id) + toInteger(offset));
}

/** The clockwise way from `from` to `to` as 32 hex digits, so that distances compare with `<`. */
export function distance(from: string, to: string): string {
  return fromInteger(toInteger(to) - toInteger(from));
}

/** The part of the ring that (after, upTo] makes up, in parts per billion. */
export function fractionPpb(after: string, upTo: string): number {
  if (after === upTo) return 1_000_000_000;
  return Number((toInteger(distance(after, upTo)) * 1_000_000_000n) >> BigInt(BITS));
}

/**
 * RFC 6940 §10.7.4.2: the i for which `peer` lies in [self + 2^(128-i), self + 2^(128-(i-1)) - 1]; 1 is the far half of
 * the ring, 128 the very next identifier.
 */
export function fingerIndex(self: string, peer: string): number {
  const way = distance(self, peer);
  let zeroDigits = 0;
  while (zeroDigits < way.length - 1 && way[zeroDigits] === '0') zeroDigits++;
  return zeroDigits * 4 + Math.clz32(Number.parseInt(way[zeroDigits]!, 16)) - 28 + 1;
}
