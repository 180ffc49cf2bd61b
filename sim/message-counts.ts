import type { Counter, Gauge, Histogram, Labels, Metrics } from '../src/base/index.ts';

const SENT = 'reload_messages_sent_total';

const nothing: Counter & Gauge & Histogram = { inc() {}, set() {}, observe() {} };

/** The metrics of all peers together, of which only the messages that originate somewhere are kept, by their name. */
export class MessageCounts implements Metrics {
  readonly sent = new Map<string, number>();
  readonly #counters = new Map<string, Counter>();

  counter(name: string, _: string, { message }: Labels = {}): Counter {
    if (name !== SENT || message === undefined) return nothing;
    let counter = this.#counters.get(message);
    if (counter === undefined) {
      counter = { inc: (amount = 1) => this.sent.set(message, (this.sent.get(message) ?? 0) + amount) };
      this.#counters.set(message, counter);
    }
    return counter;
  }

  gauge(): Gauge {
    return nothing;
  }

  histogram(): Histogram {
    return nothing;
  }
}
