import { createWriteStream, existsSync, openSync, renameSync, rmSync, type WriteStream } from 'node:fs';

/** What a disk that does not keep up may have us hold, bytes. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

export interface RotatingFileOptions {
  readonly path: string;
  /** Bytes, after which another file is begun. */
  readonly maxBytes: number;
  /** Files before the current one that are kept: `path.1` is the latest of them. */
  readonly keep: number;
  /** What each file begins with. */
  readonly header: Uint8Array;
  /** Called once for each file that cannot be written; nothing more goes into it. */
  readonly onError: (error: Error) => void;
}

/** A file that grows to a bound and then gives way to the next one. What an earlier run left is moved aside as well. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #stream: WriteStream | undefined;
  #bytes = 0;
  readonly #ending = new Set<Promise<void>>();

  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#stream = this.#begin();
  }

  /** @returns false when the data could not be taken: the disk is slow or broken */
  write(data: Uint8Array): boolean {
    if (this.#bytes + data.length > this.#options.maxBytes) {
      this.#end();
      this.#stream = this.#begin();
    }
    if (
      this.#stream === undefined ||
      this.#stream.destroyed ||
      this.#stream.writableLength > MAX_WAITING_BYTES
    )
      return false;
    this.#bytes += data.length;
    this.#stream.write(data);
    return true;
  }

  /** Resolves when all is on its way to the disk. */
  async close(): Promise<void> {
    this.#end();
    await Promise.all(this.#ending);
  }

  /** Opened at once: by the time of a later opening the name may have gone to the next file. */
  #begin(): WriteStream | undefined {
    const { path, header, onError } = this.#options;
    this.#bytes = header.length;
    try {
      this.#moveAside();
      const stream = createWriteStream(path, { fd: openSync(path, 'w', 0o600) });
      stream.once('error', onError);
      stream.write(header);
      return stream;
    } catch (error) {
      onError(error as Error);
      return undefined;
    }
  }

  #end(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return;
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    this.#ending.add(closed);
    void closed.then(() => this.#ending.delete(closed));
    stream.end();
  }

  /** An open stream goes on writing into its file, whatever the name of that is by now. */
  #moveAside(): void {
    const { path, keep } = this.#options;
    const name = (age: number) => (age === 0 ? path : `${path}.${age}`);
    rmSync(name(keep), { force: true });
    for (let age = keep - 1; age >= 0; age--) {
      if (existsSync(name(age))) renameSync(name(age), name(age + 1));
    }
  }
}
