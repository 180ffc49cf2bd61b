import type { KeyValueStore, Write } from '../../base/index.ts';
import type { StoredElement } from './stored-element.ts';

/** Where certificates are in the key-value store. */
export const CERTIFICATE_PREFIX = 'certificate/';

type Signed = Pick<StoredElement, 'signer' | 'certificate'>;

/**
 * The certificates of those who signed the values held (RFC 6940 §6.3.4: "a peer storing data is obligated to retain
 * certificates"), one copy each however many values they signed, and no longer than there is one.
 */
export class CertificateShelf {
  readonly #kv: KeyValueStore;
  /** Fingerprint to number of values. */
  readonly #uses = new Map<string, number>();

  constructor({ kv }: { kv: KeyValueStore }) {
    this.#kv = kv;
  }

  /** DER; undefined when nothing is held that it signed, or the disk has lost it. */
  get(fingerprint: string): Uint8Array | undefined {
    return this.#kv.get(CERTIFICATE_PREFIX + fingerprint);
  }

  /** Fingerprints of those who signed something that is held. */
  signers(): readonly string[] {
    return [...this.#uses.keys()];
  }

  /** Counts the values of a record found on the disk. */
  loaded(signers: Iterable<string>): void {
    for (const signer of signers) this.#uses.set(signer, (this.#uses.get(signer) ?? 0) + 1);
  }

  /** What has to be deleted when all records are loaded: those of these signers that signed nothing else. */
  *unused(signers: Iterable<string>): Iterable<Write> {
    for (const signer of new Set(signers)) {
      if (!this.#uses.has(signer)) yield { key: CERTIFICATE_PREFIX + signer, value: undefined };
    }
  }

  /** Fingerprints of all certificates on the disk. */
  *onDisk(): Iterable<string> {
    for (const [key] of this.#kv.entries(CERTIFICATE_PREFIX)) yield key.slice(CERTIFICATE_PREFIX.length);
  }

  /**
   * `after` takes the place of `before`.
   * @returns what has to be written together with the records
   */
  replace(before: readonly Signed[], after: readonly Signed[]): Write[] {
    const writes: Write[] = [];
    for (const { signer, certificate } of after) {
      if (certificate !== undefined && this.get(signer) === undefined)
        writes.push({ key: CERTIFICATE_PREFIX + signer, value: certificate });
      this.#uses.set(signer, (this.#uses.get(signer) ?? 0) + 1);
    }
    for (const { signer } of before) {
      const uses = this.#uses.get(signer) ?? 0;
      if (uses > 1) this.#uses.set(signer, uses - 1);
      else {
        this.#uses.delete(signer);
        writes.push({ key: CERTIFICATE_PREFIX + signer, value: undefined });
      }
    }
    return writes;
  }

  /** Certificates of a batch that was not written, as far as later batches count on them. */
  *stillNeeded(elements: readonly Signed[]): Iterable<Write> {
    for (const { signer, certificate } of elements) {
      if (certificate !== undefined && this.#uses.has(signer))
        yield { key: CERTIFICATE_PREFIX + signer, value: certificate };
    }
  }
}
