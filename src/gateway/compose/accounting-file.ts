import { createWriteStream, type WriteStream } from 'node:fs';
import type { Counter, Logger, Metrics } from '../../base/index.ts';
import type { CallRecord } from '../../sip/proxy/call-log.ts';

/** What a disk that does not keep up may have us hold, bytes. */
const MAX_WAITING_BYTES = 4_194_304;

/** The file of call records: JSON, one a line. */
export class AccountingFile {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #lost: Counter;
  readonly #written: Counter;
  #stream: WriteStream;
  /** Streams to files that were moved away, until all is written. */
  readonly #ending = new Set<WriteStream>();
  /** Told once, rather than with every call of a time without room on the disk. */
  #isFailing = false;

  constructor(deps: { readonly logger: Logger; readonly metrics: Metrics }, path: string) {
    this.#path = path;
    this.#logger = deps.logger;
    this.#written = deps.metrics.counter('sip_call_records_total', 'Call records written');
    this.#lost = deps.metrics.counter(
      'sip_call_records_lost_total',
      'Call records that could not be written',
    );
    this.#stream = this.#open();
  }

  write(record: CallRecord): void {
    if (this.#stream.destroyed) this.#stream = this.#open();
    if (this.#waitingBytes() > MAX_WAITING_BYTES) {
      this.#lost.inc();
      return;
    }
    this.#stream.write(`${JSON.stringify(record)}\n`, (error) => {
      if (error) {
        this.#lost.inc();
        return;
      }
      this.#written.inc();
      this.#isFailing = false;
    });
  }

  /** Goes on in a new file of the same name: the old one was moved away. */
  reopen(): void {
    const old = this.#stream;
    if (!old.destroyed) {
      this.#ending.add(old);
      old.once('close', () => this.#ending.delete(old)).end();
    }
    this.#stream = this.#open();
  }

  /** Resolves when all that was to be written is, in files that were moved away too. */
  async close(): Promise<void> {
    await Promise.all([...this.#ending, this.#stream].map(closed));
  }

  #waitingBytes(): number {
    let bytes = this.#stream.writableLength;
    for (const { writableLength } of this.#ending) bytes += writableLength;
    return bytes;
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: 'a', mode: 0o600 });
    stream.on('error', (error) => {
      if (this.#isFailing) return;
      this.#isFailing = true;
      this.#logger.error('call records cannot be written', { path: this.#path, error: error.message });
    });
    return stream;
  }
}

function closed(stream: WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once('close', resolve).end();
  });
}
