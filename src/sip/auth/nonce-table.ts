import { type Clock, type Random, randomHex } from '../../base/index.ts';
import type { NonceKeys } from './credentials-judge.ts';
import { equalSecrets, KeyedHash } from './keyed-hash.ts';
import { formatNonce, type ReadNonce, readNonce } from './nonce.ts';

/** How far behind the highest nonce count a request may come: UDP reorders, several calls start at once. */
const WINDOW = 64;

/** So old a nonce may be that somebody else still has to judge; he takes none over 60 s. */
const MAX_PROOF_AGE_MS = 50_000;

export interface NonceTableOptions {
  /** Key under which nonces are made. Default: random, as the boot id makes older nonces stale anyhow. */
  readonly key?: Uint8Array;
  /** How long a nonce is taken, ms. Default 10 min. */
  readonly lifetimeMs?: number;
  /** Used nonces whose counts are remembered. Default 65,536, about 6 MB. */
  readonly capacity?: number;
}

/** The highest count seen for one nonce, and which of the 64 up to it were used: bit 0 of `low` is `highest`. */
interface CountWindow {
  highest: number;
  low: number;
  high: number;
}

/**
 * Makes nonces and judges their use (RFC 7616 §§3.3, 3.4.5, 5.4). A nonce is `time.boot.serial.tag`; nothing is kept
 * of one until it is used with a right response, so challenges cost no memory. The window of a used nonce
 * lives in a table of bounded size; what was pushed out of it counts as stale, never as fresh. Where an enrollment
 * server gave keys, nonces are made under them, and so can be judged there as well.
 */
export class NonceTable {
  readonly #clock: Clock;
  readonly #keys: NonceKeys | undefined;
  readonly #hash: KeyedHash;
  readonly #boot: string;
  readonly #lifetimeMs: number;
  readonly #capacity: number;
  readonly #windows = new Map<number, CountWindow>();
  /** Oldest first. It stays where the last one was forgotten: from the start it would pass all the gaps each time. */
  readonly #ages = this.#windows.keys();
  #serial = 0;
  /** No nonce up to this serial is taken unless it is still in the table. */
  #forgottenUpTo = 0;

  constructor(deps: { clock: Clock; random: Random; keys?: NonceKeys }, options: NonceTableOptions = {}) {
    this.#clock = deps.clock;
    this.#keys = deps.keys;
    this.#hash = new KeyedHash(options.key ?? deps.random.bytes(32));
    this.#boot = randomHex(deps.random, 4);
    this.#lifetimeMs = options.lifetimeMs ?? 600_000;
    this.#capacity = options.capacity ?? 65_536;
  }

  /** Used nonces now remembered. */
  get size(): number {
    return this.#windows.size;
  }

  mint(): string {
    this.#serial += 1;
    const { given, time } = this.#keyNow();
    return formatNonce(
      { time, boot: this.#boot, serial: this.#serial, issuer: given?.issuer },
      given?.hash ?? this.#hash,
    );
  }

  /** Whether a nonce is one of ours that is not too old: who shows it has got it from us. */
  isOurs(nonce: string): boolean {
    return this.#verify(nonce) !== undefined;
  }

  /** Whether nonces made now can be judged by whoever gives us keys. */
  get canProve(): boolean {
    return this.#keyNow().given !== undefined;
  }

  /** Whether a nonce is one that whoever gave us its key would still take. */
  isProof(nonce: string): boolean {
    const read = this.#verify(nonce);
    return read?.issuer !== undefined && this.#ageOf(read) <= MAX_PROOF_AGE_MS;
  }

  /**
   * Marks one use of a nonce whose response was right.
   * @param count the nonce count, 1 when the client sent no qop: such a nonce serves once
   * @returns false when the nonce is unknown, old or forgotten, or the count was used or has fallen out of the window:
   *   the answer is then a fresh challenge with stale=true
   */
  use(nonce: string, count: number): boolean {
    const serial = this.#verify(nonce)?.serial;
    if (serial === undefined || !(count >= 1)) return false;
    const window = this.#windows.get(serial);
    if (window !== undefined) return useCount(window, count);
    if (serial <= this.#forgottenUpTo) return false;
    if (this.#windows.size >= this.#capacity) this.#forgetOldest();
    this.#windows.set(serial, { highest: count, low: 1, high: 0 });
    return true;
  }

  #keyNow() {
    const now = this.#clock.now();
    const theirTime = Math.floor(now + (this.#keys?.offsetMs ?? 0));
    const given = this.#keys?.keyAt(theirTime);
    return { given, time: given === undefined ? now : theirTime };
  }

  /** A nonce that we made since the start and not too long ago. */
  #verify(nonce: string): ReadNonce | undefined {
    const read = readNonce(nonce);
    if (read === undefined || read.boot !== this.#boot) return undefined;
    if (this.#ageOf(read) > this.#lifetimeMs) return undefined;
    const hash = this.#hashOf(read);
    return hash !== undefined && equalSecrets(hash.tag(read.text), read.tag) ? read : undefined;
  }

  #hashOf({ issuer, time }: ReadNonce): KeyedHash | undefined {
    if (issuer === undefined) return this.#hash;
    const key = this.#keys?.keyAt(time);
    return key?.issuer === issuer ? key.hash : undefined;
  }

  #ageOf({ issuer, time }: ReadNonce): number {
    return this.#clock.now() + (issuer === undefined ? 0 : (this.#keys?.offsetMs ?? 0)) - time;
  }

  #forgetOldest(): void {
    const { value: serial } = this.#ages.next();
    if (serial === undefined) return;
    this.#windows.delete(serial);
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, serial);
  }
}

function useCount(window: CountWindow, count: number): boolean {
  const ahead = count - window.highest;
  if (ahead > 0) {
    shift(window, ahead);
    window.highest = count;
    window.low |= 1;
    return true;
  }
  const behind = -ahead;
  if (behind >= WINDOW) return false;
  const half = behind < 32 ? 'low' : 'high';
  const bit = 1 << (behind & 31);
  if ((window[half] & bit) !== 0) return false;
  window[half] |= bit;
  return true;
}

/** Moves the used counts up by `steps`, as a 64-bit shift to the left. */
function shift(window: CountWindow, steps: number): void {
  if (steps >= WINDOW) {
    window.low = 0;
    window.high = 0;
  } else if (steps >= 32) {
    window.high = steps === 32 ? window.low : window.low << (steps - 32);
    window.low = 0;
  } else {
    window.high = (window.high << steps) | (window.low >>> (32 - steps));
    window.low <<= steps;
  }
}
