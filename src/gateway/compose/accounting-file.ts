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
    if (this.#stream.writableLength > MAX_WAITING_BYTES) {
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
    this.#stream.end();
    this.#stream = this.#open();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.destroyed) resolve();
      else this.#stream.once('close', resolve).end();
    });
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
