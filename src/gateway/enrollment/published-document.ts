import { type Clock, errorMessage, type Logger, type Timer } from '../../base/index.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { DOCUMENT_LIFETIME_MS } from '../../reload/enrollment/new-overlay.ts';
import { hasOutlived } from '../../reload/enrollment/revocations.ts';
import type { AuthorityDirectory } from './authority-directory.ts';
import type { DocumentEditor } from './document-editor.ts';

/** A document that the command line signs is handed out within this time, ms. */
const LOOK_MS = 1_000;
const HOUSEKEEPING_MS = 3_600_000;
/** An expiration nearer than that is put off. */
const RENEW_BEFORE_MS = DOCUMENT_LIFETIME_MS / 2;

export interface PublishedDocumentDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly directory: AuthorityDirectory;
  readonly editor: DocumentEditor;
}

/** The document in force, as `enrollment serve` publishes it: follows the file, and signs it anew before it expires. */
export class PublishedDocument {
  readonly #deps: PublishedDocumentDeps;
  #document: OverlayDocument;
  #version: string;
  /** What was complained about last: once is enough. */
  #complaint: string | undefined;
  #look: Timer | undefined;
  #housekeeping: Timer | undefined;
  readonly #onFiles: (() => void)[] = [];
  readonly #onDocument: ((document: OverlayDocument) => void)[] = [];

  /** @throws AuthorityError 'overlay-damaged' */
  constructor(deps: PublishedDocumentDeps) {
    this.#deps = deps;
    this.#version = deps.directory.version();
    this.#document = deps.directory.document();
  }

  get current(): OverlayDocument {
    return this.#document;
  }

  /** A file that is served has changed; may throw, which is logged and keeps nobody else from what is new. */
  onFiles(listener: () => void): void {
    this.#onFiles.push(listener);
  }

  onDocument(listener: (document: OverlayDocument) => void): void {
    this.#onDocument.push(listener);
  }

  async start(): Promise<void> {
    await this.keepHouse();
    this.#lookLater();
    this.#keepHouseLater();
  }

  stop(): void {
    this.#look?.close();
    this.#housekeeping?.close();
  }

  #lookLater(): void {
    this.#look = this.#deps.clock.setTimer(LOOK_MS, () => {
      this.#lookNow();
      this.#lookLater();
    });
  }

  #lookNow(): void {
    const { directory } = this.#deps;
    this.#attempt(() => {
      const version = directory.version();
      if (version === this.#version) return;
      this.#version = version;
      this.#complaint = undefined;
      this.#attempt(() => {
        const document = directory.document();
        if (document.sequence !== this.#document.sequence) this.#take(document);
      });
      for (const listener of this.#onFiles) this.#attempt(listener);
    });
  }

  /** What was good is still served when a file is not; the operator has to mend that. */
  #attempt(look: () => void): void {
    try {
      look();
    } catch (error) {
      const complaint = errorMessage(error);
      if (this.#complaint === complaint) return;
      this.#complaint = complaint;
      this.#deps.logger.error('what is in the directory cannot be served', { error: complaint });
    }
  }

  #take(document: OverlayDocument): void {
    this.#document = document;
    this.#deps.logger.info('a new configuration document is in force', {
      sequence: document.sequence,
      bytes: document.source?.bytes.length,
    });
    for (const listener of this.#onDocument) listener(document);
  }

  #keepHouseLater(): void {
    this.#housekeeping = this.#deps.clock.setTimer(HOUSEKEEPING_MS, () => {
      void this.keepHouse();
      this.#keepHouseLater();
    });
  }

  /** Signs the document anew where it needs to be. Does not throw: the one in force goes on. */
  async keepHouse(): Promise<void> {
    const { clock, directory, editor, logger } = this.#deps;
    try {
      const now = clock.now();
      const expiresSoon = (this.#document.expiresAt ?? Infinity) - now < RENEW_BEFORE_MS;
      if (expiresSoon || hasOutlived(directory.revocations(), now)) {
        this.#take(await editor.update());
      }
    } catch (error) {
      logger.error('the configuration document cannot be signed', { error: errorMessage(error) });
    }
  }
}
