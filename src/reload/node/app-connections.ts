import type { Connection } from '../../base/index.ts';

/** Below this many it is not worth looking for those that are gone. */
const MIN_SWEEP = 64;

/**
 * The connections that AppAttach brought, ours and those of others. They belong to the applications, so they are known
 * weakly here: only to close those whose peer is no longer welcome.
 */
export class AppConnections {
  #known: WeakRef<Connection>[] = [];
  #sweepAt = MIN_SWEEP;

  add(connection: Connection): void {
    if (this.#known.length >= this.#sweepAt) {
      this.#known = this.#known.filter((reference) => reference.deref() !== undefined);
      this.#sweepAt = Math.max(MIN_SWEEP, 2 * this.#known.length);
    }
    this.#known.push(new WeakRef(connection));
  }

  /** Closes those whose certificate (DER) is no longer welcome. */
  closeUnwelcome(isWelcome: (certificate: Uint8Array) => boolean): void {
    for (const reference of this.#known) {
      const connection = reference.deref();
      const [certificate] = connection?.peerCertificates ?? [];
      if (certificate !== undefined && !isWelcome(certificate)) connection?.destroy();
    }
  }
}
