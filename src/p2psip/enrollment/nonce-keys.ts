import { createHmac } from 'node:crypto';
import { KeyedHash } from '../../sip/auth/keyed-hash.ts';
import type { NodeId } from '../overlay.ts';

/** A nonce key serves for so long; the next one is given out together with it. */
export const NONCE_EPOCH_MS = 6 * 3_600_000;

/** The epoch a moment (ms since the Unix epoch, by the enrollment server's clock) belongs to. */
export function epochOf(time: number): number {
  return Math.floor(time / NONCE_EPOCH_MS);
}

/**
 * The keys of all adapter peers follow from one secret of the enrollment server, so that it has none of them to keep.
 * Nobody can tell one from another, or the next from the last.
 */
export class NonceKeyring {
  readonly #secret: Uint8Array;

  /** @param secret at least 16 random bytes, kept between runs */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** The key of an adapter peer's nonces in one epoch, 32 bytes. */
  keyOf(node: NodeId, epoch: number): Uint8Array {
    return createHmac('sha256', this.#secret).update(`p2psip adapter nonce ${node} ${epoch}`).digest();
  }

  hashOf(node: NodeId, epoch: number): KeyedHash {
    return new KeyedHash(this.keyOf(node, epoch));
  }
}
