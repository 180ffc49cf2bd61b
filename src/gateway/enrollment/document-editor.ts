import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../base/index.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { type DocumentChanges, nextDocument } from '../../reload/enrollment/next-document.ts';
import { type Revocation, type Revocations, withRevocation } from '../../reload/enrollment/revocations.ts';
import { DirectoryLock } from '../persistence/directory-lock.ts';
import { DataError } from '../persistence/errors.ts';
import type { AccountFiles } from './account-files.ts';
import type { AuthorityDirectory } from './authority-directory.ts';
import { AuthorityError } from './authority-error.ts';

/** How long to wait for another command that changes the same overlay, ms. */
const LOCK_PATIENCE_MS = 10_000;
const LOCK_RETRY_MS = 100;

/** Signs new documents of an overlay, one writer at a time. */
export class DocumentEditor {
  readonly #clock: Clock;
  readonly #directory: AuthorityDirectory;

  constructor(deps: { readonly clock: Clock; readonly directory: AuthorityDirectory }) {
    this.#clock = deps.clock;
    this.#directory = deps.directory;
  }

  /**
   * Signs the next document; elements that have outlived the certificates they revoke are left out of it.
   * @param change what else is to be different
   */
  update(change: (current: OverlayDocument) => DocumentChanges = () => ({})): Promise<OverlayDocument> {
    return this.#locked(() => {
      const current = this.#directory.document();
      const changed = change(current);
      const { changes, revocations } = withRevocation(
        { ...current, ...changed },
        this.#directory.revocations(),
        this.#clock.now(),
      );
      return this.#sign(current, { ...changed, ...changes }, revocations);
    });
  }

  /**
   * Removes an account and revokes all that was certified to it (requirement T16). What an earlier removal left undone,
   * because it was broken off, is done as well.
   * @param name undefined: only that
   * @returns undefined when there was nothing to do
   */
  remove(accounts: AccountFiles, name?: string): Promise<OverlayDocument | undefined> {
    return this.#locked(() => {
      if (name !== undefined) accounts.remove(name);
      let document: OverlayDocument | undefined;
      for (const removed of accounts.removed()) {
        document = this.#revoke(removed);
        accounts.forget(removed.id);
      }
      return document;
    });
  }

  /** Revokes what was certified to an account, which stays and keeps its Node-IDs. */
  revoke(accounts: AccountFiles, name: string): Promise<OverlayDocument> {
    return this.#locked(() => this.#revoke({ ...accounts.certified(name), nodeIds: [] }));
  }

  #revoke(revocation: Revocation): OverlayDocument {
    const current = this.#directory.document();
    const { changes, revocations } = withRevocation(
      current,
      this.#directory.revocations(),
      this.#clock.now(),
      revocation,
    );
    return this.#sign(current, changes, revocations);
  }

  #sign(current: OverlayDocument, changes: DocumentChanges, revocations: Revocations): OverlayDocument {
    const deps = { clock: this.#clock, signer: this.#directory.signer() };
    const document = nextDocument(deps, current, changes);
    // First how long elements have to stay: one too many does no harm, one too few does.
    this.#directory.writeRevocations(revocations);
    this.#directory.writeDocument(document);
    return document;
  }

  async #locked<T>(work: () => T): Promise<T> {
    const lock = await this.#acquire();
    try {
      return work();
    } finally {
      await lock.release();
    }
  }

  async #acquire(): Promise<DirectoryLock> {
    const { path } = this.#directory;
    for (let waited = 0; ; waited += LOCK_RETRY_MS) {
      try {
        return await DirectoryLock.acquire(path);
      } catch (error) {
        if (!(error instanceof DataError) || error.code !== 'data-in-use') throw error;
        if (waited >= LOCK_PATIENCE_MS) {
          throw new AuthorityError('overlay-busy', `${path} is being changed by another command; try again`);
        }
        await delay(LOCK_RETRY_MS);
      }
    }
  }
}
