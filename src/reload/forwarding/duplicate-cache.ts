import { type Clock, IdleMap, type Timer } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import type { GivenAnswer } from './answers.ts';

/** RFC 6940 §6.2.1: the maximum request lifetime. */
const REQUEST_LIFETIME_MS = 15_000;

/** Expired entries may stay this long. */
const EXPIRY_SLACK_MS = 1_000;

const MAX_ENTRIES = 8192;
const MAX_BYTES = 16 * 1024 * 1024;

interface Entry {
  /** Monotonic ms. */
  readonly expiresAt: number;
  answer: GivenAnswer | undefined;
}

/**
 * Requests of the last 15 s and their answers, so that a retransmitted request is answered alike and not carried
 * out twice (RFC 6940 §6.2.1). When it is full the oldest go first.
 */
export class DuplicateCache {
  readonly #clock: Clock;
  readonly #entries = new IdleMap<string, Entry>();
  #bytes = 0;
  /** Runs while there are entries, so that an idle node holds no answers. */
  #timer: Timer | undefined;

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
  begin(signer: NodeId, transactionId: bigint): 'new' | 'in-progress' | GivenAnswer {
    this.#expire();
    const key = keyOf(signer, transactionId);
    const known = this.#entries.get(key);
    if (known !== undefined) return known.answer ?? 'in-progress';
    this.#entries.set(key, { expiresAt: this.#clock.monotonic() + REQUEST_LIFETIME_MS, answer: undefined });
    this.#timer ??= this.#clock.setTimer(REQUEST_LIFETIME_MS, this.#onTimer);
    return 'new';
  }

  /** Remembers the answer to a request that `begin` called new. */
  answered(signer: NodeId, transactionId: bigint, answer: GivenAnswer): void {
    const entry = this.#entries.get(keyOf(signer, transactionId));
    if (entry === undefined || entry.answer !== undefined) return;
    // A copy: pooled memory would be kept alive by it.
    entry.answer = { ...answer, contents: Uint8Array.from(answer.contents) };
    this.#bytes += sizeOf(entry);
  }

  /** Forgets everything. */
  clear(): void {
    this.#timer?.close();
    this.#timer = undefined;
    this.#entries.clear();
    this.#bytes = 0;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#expire();
    const [oldest] = this.#entries.values();
    if (oldest === undefined) return;
    // Not for each entry: whatever came within a second of the oldest goes with it.
    const delayMs = oldest.expiresAt - this.#clock.monotonic() + EXPIRY_SLACK_MS;
    this.#timer = this.#clock.setTimer(delayMs, this.#onTimer);
  };

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
  if (answer === undefined) return 0;
  return answer.certificates.reduce((sum, { length }) => sum + length, answer.contents.length);
}
