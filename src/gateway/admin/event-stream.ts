import type { ServerResponse } from 'node:http';

const MAX_STREAMS = 8;
/** A browser that reads this slowly is cut off; it comes back by itself and starts anew. */
const MAX_QUEUED_BYTES = 512 * 1024;

/** One event as it goes over the wire (WHATWG HTML §9.2). */
export function formatEvent(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The browsers that watch: each event is made once, however many there are. */
export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  readonly #onChange: (count: number) => void;

  /** @param onChange told how many streams are open whenever that changes */
  constructor(onChange: (count: number) => void) {
    this.#onChange = onChange;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @param first what a new stream begins with. @returns false when there are too many already */
  add(response: ServerResponse, first: () => string): boolean {
    if (this.#open.size >= MAX_STREAMS) return false;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    response.write(`retry: 2000\n\n${first()}`);
    this.#open.add(response);
    this.#onChange(this.#open.size);
    response.once('close', () => this.#remove(response));
    return true;
  }

  send(text: string): void {
    for (const response of this.#open) {
      if (response.writableLength > MAX_QUEUED_BYTES) response.destroy();
      else response.write(text);
    }
  }

  close(): void {
    for (const response of [...this.#open]) response.end();
  }

  #remove(response: ServerResponse): void {
    if (!this.#open.delete(response)) return;
    this.#onChange(this.#open.size);
  }
}
