/** Base values of the transaction timers, ms (RFC 3261 §17.1.1.1 and table 4). */
export interface TimingOptions {
  /** Round-trip estimate. Default 500. */
  readonly t1?: number;
  /** Longest retransmission interval of non-INVITE requests and INVITE responses. Default 4,000. */
  readonly t2?: number;
  /** How long a message stays in the network. Default 5,000. */
  readonly t4?: number;
  /** Time a TU has to answer an INVITE before the transaction sends 100. Default 200 (§17.2.1). */
  readonly tryingMs?: number;
}

/** The values all timers are computed from. */
export interface Timing {
  readonly t1: number;
  readonly t2: number;
  readonly t4: number;
  /** 64*T1: timers B, F, H, J, L, M. */
  readonly lifetime: number;
  /** Timer D: at least 32 s, whatever T1 (RFC 6026 §8.4). */
  readonly timerD: number;
  readonly tryingMs: number;
  /** When a client's timer E has grown to T2: from then on a non-INVITE request is due a 100 (RFC 4320 §4.1). */
  readonly slowRequestMs: number;
}

export function timing(options: TimingOptions = {}): Timing {
  const { t1 = 500, t2 = 4_000, t4 = 5_000, tryingMs = 200 } = options;
  let slowRequestMs = 0;
  for (let interval = t1; interval < t2; interval *= 2) slowRequestMs += interval;
  return { t1, t2, t4, lifetime: 64 * t1, timerD: Math.max(32_000, 64 * t1), tryingMs, slowRequestMs };
}
