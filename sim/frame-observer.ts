import type { ReloadTrace } from '../src/base/index.ts';
import { fetch } from '../src/reload/messages/fetch.ts';
import { FIXED_HEADER_LENGTH } from '../src/reload/messages/forwarding-header.ts';

/** How far one request got. */
export interface Passage {
  /** Links crossed by its copies, retransmissions included. */
  hops: number;
}

/** Where RFC 6940 §6.3.2 puts what is needed here. */
const AT = { transactionId: 20, viaLength: 32, destinationLength: 34, optionsLength: 36 } as const;

/** Counts, from the frames on the links, how many links the Fetches of interest cross. */
export class FrameObserver implements ReloadTrace {
  readonly #followed = new Map<bigint, Passage>();
  #next: Passage | undefined;

  /** Of every link of every peer. */
  message(direction: 'in' | 'out', _peer: string, message: Uint8Array): void {
    if (direction === 'in' || (this.#next === undefined && this.#followed.size === 0)) return;
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    const lists =
      bytes.readUInt16BE(AT.viaLength) +
      bytes.readUInt16BE(AT.destinationLength) +
      bytes.readUInt16BE(AT.optionsLength);
    if (bytes.readUInt16BE(FIXED_HEADER_LENGTH + lists) !== fetch.requestCode) return;
    const id = bytes.readBigUInt64BE(AT.transactionId);
    if (this.#next !== undefined) {
      this.#followed.set(id, this.#next);
      this.#next = undefined;
    }
    const passage = this.#followed.get(id);
    if (passage !== undefined) passage.hops++;
  }

  begun(): void {}

  /** Follows the Fetch that `start` sends before it returns, if any, until its promise settles. */
  async follow<T>(start: () => Promise<T>): Promise<{ readonly result: T; readonly hops: number }> {
    const passage: Passage = { hops: 0 };
    this.#next = passage;
    const promise = start();
    this.#next = undefined;
    try {
      return { result: await promise, hops: passage.hops };
    } finally {
      for (const [id, followed] of this.#followed) {
        if (followed === passage) this.#followed.delete(id);
      }
    }
  }
}
