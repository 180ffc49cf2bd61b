import type { Counter, Histogram, Metrics } from '../../base/index.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { messageName } from '../messages/methods.ts';

/** Why a message went no further; each has its own counter. */
export const DROP_REASONS = [
  /** The bytes are no RELOAD message. */
  'malformed',
  /** The length field does not say how long the message is. */
  'length',
  'overlay',
  'version',
  /** The high bit of the fragment field is 0. */
  'fragment-bit',
  'ttl',
  'too-large',
  /** A destination list that is empty, or with a Resource-ID anywhere but at its end, or in the Via list. */
  'destination',
  /** An opaque id we did not make, or made too long ago. */
  'stale-opaque-id',
  /** A Node-ID in our own range that is not connected to us. */
  'unknown-node',
  'no-route',
  /** A critical forwarding option we do not understand. */
  'option',
  /** A request other than Ping and Attach from a node that should have Attached first. */
  'unattached',
  /** Fragments that contradict each other or that found no room. */
  'fragments',
  /** More than the node it came from, or its signer, may cost us. */
  'rate',
  /** The signature or its certificate does not verify. */
  'signature',
  /** An answer nobody waits for. */
  'unmatched-answer',
  /** An answer signed by a node that has no business answering. */
  'answer-signer',
  /** An answer whose body does not decode. */
  'malformed-answer',
  /** A request whose first copy is still being worked on. */
  'duplicate',
] as const;

const HOP_BUCKETS = [1, 2, 3, 4, 5, 6, 8, 10, 15];

export type DropReason = (typeof DROP_REASONS)[number];

/** The counters of the forwarding layer; nodes that report to the same metrics share them. */
export class ForwardingMetrics {
  static readonly #made = new WeakMap<Metrics, ForwardingMetrics>();

  readonly received: Counter;
  readonly forwarded: Counter;
  readonly delivered: Counter;
  readonly repeatedAnswers: Counter;
  readonly retransmissions: Counter;
  readonly answerHops: Histogram;
  readonly #metrics: Metrics;
  /** By message code. */
  readonly #sent = new Map<number, Counter>();
  readonly #dropped = new Map<DropReason, Counter>();
  /** By error code. */
  readonly #errors = new Map<number, Counter>();

  private constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.received = metrics.counter(
      'reload_messages_received_total',
      'RELOAD messages and fragments received',
    );
    this.forwarded = metrics.counter(
      'reload_messages_forwarded_total',
      'RELOAD messages passed on to another node',
    );
    this.delivered = metrics.counter(
      'reload_messages_delivered_total',
      'RELOAD messages verified and delivered here',
    );
    this.repeatedAnswers = metrics.counter(
      'reload_answers_repeated_total',
      'Answers sent again to a retransmitted request',
    );
    this.retransmissions = metrics.counter('reload_retransmissions_total', 'Requests sent again end to end');
    this.answerHops = metrics.histogram(
      'reload_answer_hops',
      'Links that answers to our requests came over',
      HOP_BUCKETS,
    );
    for (const reason of DROP_REASONS) {
      const counter = metrics.counter('reload_messages_dropped_total', 'RELOAD messages dropped', { reason });
      this.#dropped.set(reason, counter);
    }
    for (const [error, code] of Object.entries(ErrorCode)) {
      const counter = metrics.counter('reload_errors_sent_total', 'RELOAD error answers sent', { error });
      this.#errors.set(code, counter);
    }
  }

  static of(metrics: Metrics): ForwardingMetrics {
    let made = ForwardingMetrics.#made.get(metrics);
    if (made === undefined) {
      made = new ForwardingMetrics(metrics);
      ForwardingMetrics.#made.set(metrics, made);
    }
    return made;
  }

  /** A message with this code set out from here, retransmissions included. */
  sent(code: number): void {
    let counter = this.#sent.get(code);
    if (counter === undefined) {
      const labels = { message: messageName(code) };
      counter = this.#metrics.counter(
        'reload_messages_sent_total',
        'RELOAD messages originated here',
        labels,
      );
      this.#sent.set(code, counter);
    }
    counter.inc();
  }

  drop(reason: DropReason): void {
    this.#dropped.get(reason)!.inc();
  }

  /** An error answer with this code was sent. */
  refused(errorCode: number): void {
    this.#errors.get(errorCode)?.inc();
  }
}
