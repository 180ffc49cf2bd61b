/** Label values of one time series. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  inc(amount?: number): void;
}

export interface Gauge {
  set(value: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

/**
 * Where counts go. Ask for an instrument once, at construction, and keep it: the same name and labels give the
 * same instrument. Names follow Prometheus (`sip_requests_received_total`, unit suffixes `_seconds`, `_bytes`).
 */
export interface Metrics {
  counter(name: string, help: string, labels?: Labels): Counter;
  gauge(name: string, help: string, labels?: Labels): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labels?: Labels): Histogram;
}

/** Counts nothing. */
export const noMetrics: Metrics = {
  counter: () => ({ inc() {} }),
  gauge: () => ({ set() {} }),
  histogram: () => ({ observe() {} }),
};
