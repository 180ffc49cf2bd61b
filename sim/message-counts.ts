import type { Counter, Gauge, Histogram, Labels, Metrics } from '../src/base/index.ts';

const SENT = 'reload_messages_sent_total';
const USER_STORES = 'p2psip_registration_stores_total';

const nothing: Counter & Gauge & Histogram = { inc() {}, set() {}, observe() {} };

/** The metrics of all peers together; kept are the messages that originate somewhere, and the Stores for users. */
export class MessageCounts implements Metrics {
  readonly sent = new Map<string, number>();
  userStores = 0;
  readonly #counters = new Map<string, Counter>();
  readonly #stores: Counter = {
    inc: (amount = 1) => {
      this.userStores += amount;
    },
  };

  counter(name: string, _: string, { message }: Labels = {}): Counter {
    if (name === USER_STORES) return this.#stores;
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
