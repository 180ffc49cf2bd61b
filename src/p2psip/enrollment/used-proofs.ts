import type { Clock } from '../../base/index.ts';
import type { NodeId } from '../overlay.ts';

/** Proofs remembered of one adapter peer in one period: a thousand a second. */
const MAX_OF_ADAPTER = 65_536;

interface Remembered {
  before: Set<string>;
  now: Set<string>;
}

/** Which proofs have been taken already, each for at least one period and at most two. */
export class UsedProofs {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #byAdapter = new Map<NodeId, Remembered>();
  #periodEnds = 0;

  /** @param options.periodMs longer than any proof is good for */
  constructor(deps: { readonly clock: Clock }, options: { readonly periodMs: number }) {
    this.#clock = deps.clock;
    this.#periodMs = options.periodMs;
  }

  /**
   * Remembers a proof.
   * @returns `used` when it was seen before, `full` when no more can be remembered now: it must not be taken then
   */
  take(adapter: NodeId, proof: string): 'fresh' | 'used' | 'full' {
    this.#turn();
    let of = this.#byAdapter.get(adapter);
    if (of === undefined) {
      of = { before: new Set(), now: new Set() };
      this.#byAdapter.set(adapter, of);
    }
    if (of.now.has(proof) || of.before.has(proof)) return 'used';
    if (of.now.size >= MAX_OF_ADAPTER) return 'full';
    of.now.add(proof);
    return 'fresh';
  }

  #turn(): void {
    const now = this.#clock.monotonic();
    if (now < this.#periodEnds) return;
    const isLongAgo = now >= this.#periodEnds + this.#periodMs;
    this.#periodEnds = now + this.#periodMs;
    for (const [adapter, of] of this.#byAdapter) {
      if (isLongAgo || of.now.size === 0) this.#byAdapter.delete(adapter);
      else this.#byAdapter.set(adapter, { before: of.now, now: new Set() });
    }
  }
}
