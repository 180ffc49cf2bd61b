import type { Address } from '../../base/index.ts';
import type { Flow, TransportName } from '../transport/flow.ts';

/** One contact of an address of record (RFC 3261 §10, RFC 3327, RFC 5626). Never changed: a refresh makes a new one. */
export interface Binding {
  readonly aor: string;
  /** The Contact's URI as it was sent. */
  readonly contact: string;
  /** The Contact's parameters as they were sent (RFC 3840 features, q, instance), without expires: `;a=b;c`. */
  readonly params: string;
  /** 0 to 1. */
  readonly q: number;
  /** The value of +sip.instance, in its quotes. */
  readonly instance: string | undefined;
  /** RFC 5626 §4.2; only together with an instance. */
  readonly regId: number | undefined;
  /** Names the temporary GRUUs of the phone that hold, 48 bits (RFC 5627 §5.1); undefined when it was given none. */
  readonly gruuSeries?: number | undefined;
  /** Wall clock, ms. */
  readonly expiresAt: number;
  /** When it was last registered, wall clock, ms. */
  readonly updatedAt: number;
  readonly callId: string;
  readonly cseq: number;
  /** Path values in order, topmost first: the Route of requests to this contact (RFC 3327 §5.3). */
  readonly path: readonly string[];
  /** How the REGISTER came. */
  readonly transport: TransportName;
  readonly source: Address;
  /** Our own end of it. */
  readonly local: Address;
  /** True when requests go back over the registration's flow, false when they go to the Contact. */
  readonly byFlow: boolean;
  /** The connection the REGISTER came on; undefined over UDP, when it has closed, and after a restart. */
  readonly flow: Flow | undefined;
}

/** The Contact value of a binding in a 200 to REGISTER (RFC 3261 §10.3 step 8). */
export function formatContact(binding: Binding, now: number): string {
  const seconds = Math.max(Math.ceil((binding.expiresAt - now) / 1000), 0);
  return `<${binding.contact}>${binding.params};expires=${seconds}`;
}
