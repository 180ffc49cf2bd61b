import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { literalTarget, type ResolvedTarget } from '../resolve/resolve-target.ts';
import type { TargetFailure } from '../resolve/target-finder.ts';
import { MAX_DATAGRAM_REQUEST_BYTES } from '../transport/flow.ts';
import type { BranchPlan } from './branch-plan.ts';
import type { TargetResolver } from './ports.ts';

const NONE: readonly ResolvedTarget[] = [];

/** The addresses a request may be sent to, one after the other (RFC 3261 §16.6 step 7, RFC 3263 §4.3). */
export class ServerList {
  readonly #resolver: TargetResolver;
  #left: readonly ResolvedTarget[] = NONE;
  #current: ResolvedTarget | undefined;
  /** Told once: its transaction goes on, and ends later with the news that it failed. */
  #hasFailed = false;
  /** Of an address that was given there is only one: nobody asks whether it is dead. */
  #isByName = false;

  constructor(deps: { readonly resolver: TargetResolver }) {
    this.#resolver = deps.resolver;
  }

  /** Whether there are servers that were not tried. */
  get hasMore(): boolean {
    return this.#left.length > 0;
  }

  /**
   * Where the plan's URI leads; at once when no name has to be looked up.
   * @throws ResolveError; the promise likewise
   */
  find({ way, request }: BranchPlan): Promise<void> | undefined {
    if (way.kind !== 'uri') return undefined;
    const { uri, from } = way;
    // Our own phones over UDP registered there, and seldom listen on TCP as well.
    const mayChange = from === undefined && uri.transport === undefined;
    const literal = literalTarget(uri);
    if (literal !== undefined) {
      this.#left = mayChange ? largeByTcp([literal], request) : [literal];
      return undefined;
    }
    return this.#resolver.resolve(uri).then((targets) => {
      this.#isByName = true;
      this.#left = mayChange ? largeByTcp(targets, request) : targets;
    });
  }

  /** The next one to try. */
  next(): ResolvedTarget | undefined {
    const next = this.#left[0];
    this.#left = this.#left.length > 1 ? this.#left.slice(1) : NONE;
    this.#current = next;
    this.#hasFailed = false;
    return next;
  }

  /** The one being tried failed. */
  failed(reason: TargetFailure, retryAfterMs?: number): void {
    if (!this.#isByName || this.#current === undefined || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#resolver.failed(this.#current, reason, retryAfterMs);
  }

  /** The one being tried answered. */
  answered(response: SipResponse): void {
    if (!this.#isByName || this.#current === undefined) return;
    if (response.status === 503) this.failed('overloaded', retryAfterMs(response));
    else this.#resolver.answered(this.#current);
  }

  /** Those not tried, for somebody else to try: they are no longer in this list. */
  takeRest(): ServerList {
    const rest = new ServerList({ resolver: this.#resolver });
    rest.#left = this.#left;
    rest.#isByName = this.#isByName;
    this.#left = NONE;
    return rest;
  }
}

/** RFC 3261 §18.1.1: a large request goes by TCP, and by UDP when that fails. */
function largeByTcp(targets: readonly ResolvedTarget[], request: SipRequest): readonly ResolvedTarget[] {
  if (!isLarge(request)) return targets;
  return targets.flatMap((target) =>
    target.transport === 'UDP' ? [{ ...target, transport: 'TCP' as const }, target] : [target],
  );
}

/** Seldom is a body so small and the head so large that counting it matters. */
function isLarge(request: SipRequest): boolean {
  return request.bodyLength > 500 && request.encode().length > MAX_DATAGRAM_REQUEST_BYTES - 200;
}

/** RFC 3261 §20.33; undefined without one. */
function retryAfterMs(response: SipResponse): number | undefined {
  const seconds = /^\s*(\d{1,9})/.exec(response.header('Retry-After') ?? '')?.[1];
  return seconds === undefined ? undefined : 1000 * Number(seconds);
}
