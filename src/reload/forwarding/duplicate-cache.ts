import type { Clock } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import type { SealedMessage } from './sealed-message.ts';

/** RFC 6940 §6.2.1: the maximum request lifetime. */
const REQUEST_LIFETIME_MS = 15_000;

const MAX_ENTRIES = 8192;
const MAX_BYTES = 16 * 1024 * 1024;

interface Entry {
  /** Monotonic ms. */
  readonly expiresAt: number;
  answer: SealedMessage | undefined;
}

/**
 * Requests of the last 15 s and their answers, so that a retransmitted request is answered alike and not carried
 * out twice (RFC 6940 §6.2.1). When it is full the oldest go first.
 */
export class DuplicateCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Notes a request.
   * @returns 'new'; 'in-progress' when its first copy is not answered yet; else the answer to repeat
   */
  begin(signer: NodeId, transactionId: bigint): 'new' | 'in-progress' | SealedMessage {
    this.#expire();
    const key = keyOf(signer, transactionId);
    const known = this.#entries.get(key);
    if (known !== undefined) return known.answer ?? 'in-progress';
    this.#entries.set(key, { expiresAt: this.#clock.monotonic() + REQUEST_LIFETIME_MS, answer: undefined });
    return 'new';
  }

  /** Remembers the answer to a request that `begin` called new. */
  answered(signer: NodeId, transactionId: bigint, answer: SealedMessage): void {
    const entry = this.#entries.get(keyOf(signer, transactionId));
    if (entry === undefined || entry.answer !== undefined) return;
    entry.answer = answer;
    this.#bytes += sizeOf(entry);
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [key, entry] of this.#entries) {
      const full = this.#entries.size >= MAX_ENTRIES || this.#bytes > MAX_BYTES;
      if (entry.expiresAt > now && !full) return;
      this.#entries.delete(key);
      this.#bytes -= sizeOf(entry);
    }
  }
}

function keyOf(signer: NodeId, transactionId: bigint): string {
  return `${signer}/${transactionId.toString(16)}`;
}

function sizeOf({ answer }: Entry): number {
  return answer === undefined ? 0 : answer.contents.length + answer.security.length;
}
