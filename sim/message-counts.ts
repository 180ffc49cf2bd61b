import type { Counter, Gauge, Histogram, Labels, Metrics } from '../src/base/index.ts';

const SENT = 'reload_messages_sent_total';
const DROPPED = 'reload_messages_dropped_total';
const USER_STORES = 'p2psip_registration_stores_total';

const nothing: Counter & Gauge & Histogram = { inc() {}, set() {}, observe() {} };

/** The metrics of all peers together; kept are messages that originate somewhere or are dropped, and Stores for users. */
export class MessageCounts implements Metrics {
  /** By message. */
  readonly sent = new Map<string, number>();
  /** By reason. */
  readonly dropped = new Map<string, number>();
  userStores = 0;
  readonly #counters = new Map<string, Counter>();
  readonly #stores: Counter = {
    inc: (amount = 1) => {
      this.userStores += amount;
    },
  };

  counter(name: string, _: string, { message, reason }: Labels = {}): Counter {
    if (name === USER_STORES) return this.#stores;
    if (name === SENT && message !== undefined) return this.#counting(this.sent, message);
    if (name === DROPPED && reason !== undefined) return this.#counting(this.dropped, reason);
    return nothing;
  }

  /** One counter for all peers. */
  #counting(counts: Map<string, number>, label: string): Counter {
    let counter = this.#counters.get(label);
    if (counter === undefined) {
      counter = { inc: (amount = 1) => counts.set(label, (counts.get(label) ?? 0) + amount) };
      this.#counters.set(label, counter);
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
