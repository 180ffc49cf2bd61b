/** The only source of randomness below `gateway`; a seeded twin makes simulations repeatable. */
export interface Random {
  /** `length` random bytes; cryptographically strong in production. */
  bytes(length: number): Uint8Array;
  /** A uniform float in [0, 1), for jitter and sampling only. */
  float(): number;
}

/** A random token of `byteLength` bytes as lower-case hex: tags, branches, Call-IDs. */
export function randomHex(random: Random, byteLength: number): string {
  return Buffer.from(random.bytes(byteLength)).toString('hex');
}
