import { CodedError } from '../../base/index.ts';
import type { RegistrationExchange } from './registration-exchange.ts';
import {
  MAX_PROOFS,
  MAX_PROOFS_BYTES,
  type Proof,
  type ProofResult,
  sizeOf,
} from './registration-protocol.ts';

/** Requests under way at once; whatever comes meanwhile goes together into the next. */
const MAX_RUNNING = 4;
/** Proofs that wait; more are refused. */
const MAX_WAITING = 4_096;
/** What a request is besides its proofs, bytes. */
const HEAD_BYTES = 64;

interface Waiting {
  readonly proof: Proof;
  readonly resolve: (result: ProofResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Brings proofs to the enrollment server: the first at once, and while requests are under way the rest gathers, so
 * that a thousand phones that wake in one second cost some twenty requests.
 */
export class ProofQueue {
  readonly #exchange: RegistrationExchange;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(deps: { readonly exchange: RegistrationExchange }) {
    this.#exchange = deps.exchange;
  }

  /** @throws CodedError 'queue-full', or what the exchange throws */
  prove(proof: Proof): Promise<ProofResult> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new CodedError('queue-full', 'too many wait for the enrollment server'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ proof, resolve, reject });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running >= MAX_RUNNING) return;
    this.#running += 1;
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      try {
        const results = await this.#exchange.prove(batch.map(({ proof }) => proof));
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
      } catch (error) {
        // Those who wait would wait for the same answer, a time-out each: more than a phone has.
        for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
      }
    }
    this.#running -= 1;
  }

  #nextBatch(): Waiting[] {
    let bytes = HEAD_BYTES;
    let count = 0;
    for (const { proof } of this.#waiting.slice(0, MAX_PROOFS)) {
      bytes += sizeOf(proof);
      if (bytes > MAX_PROOFS_BYTES) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
