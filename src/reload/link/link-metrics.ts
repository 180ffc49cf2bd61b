import type { Counter, Gauge, Metrics } from '../../base/index.ts';
import type { LinkCloseCode } from './link.ts';

/** The counters of all links of a node. */
export class LinkMetrics {
  readonly dataIn: Counter;
  readonly dataOut: Counter;
  readonly acksIn: Counter;
  readonly acksOut: Counter;
  readonly bytesIn: Counter;
  readonly bytesOut: Counter;
  readonly dropped: Counter;
  readonly suspected: Counter;
  readonly open: Gauge;
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    const frames = (direction: string, type: string) =>
      metrics.counter('reload_link_frames_total', 'Frames on RELOAD links', { direction, type });
    const bytes = (direction: string) =>
      metrics.counter('reload_link_bytes_total', 'Bytes of frames on RELOAD links', { direction });
    this.dataIn = frames('in', 'data');
    this.dataOut = frames('out', 'data');
    this.acksIn = frames('in', 'ack');
    this.acksOut = frames('out', 'ack');
    this.bytesIn = bytes('in');
    this.bytesOut = bytes('out');
    this.dropped = metrics.counter(
      'reload_link_dropped_total',
      'Messages dropped because a link was closed or congested',
    );
    this.suspected = metrics.counter(
      'reload_link_suspected_total',
      'Times a link left the routing table because acks stayed out for longer than the RTO',
    );
    this.open = metrics.gauge('reload_links', 'Open RELOAD links');
  }

  closed(reason: LinkCloseCode): void {
    this.#metrics.counter('reload_links_closed_total', 'RELOAD links closed', { reason }).inc();
  }

  handshakeFailed(direction: 'in' | 'out', reason: string): void {
    this.#metrics
      .counter('reload_link_handshakes_failed_total', 'RELOAD links that did not come about', {
        direction,
        reason,
      })
      .inc();
  }
}
