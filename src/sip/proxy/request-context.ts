import { CodedError } from '../../base/index.ts';
import { canonicalAor } from '../message/aor.ts';
import type { HeaderFields } from '../message/build.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipUri } from '../message/uri.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import type { Fork } from './fork.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { ProxyOptions, ReplyOptions, RequestContext, Target } from './ports.ts';

/**
 * The canonical AoR of a URI whose host part is ours; undefined when it is not, or when the URI names no user we
 * could serve.
 */
export function ownAor(uri: SipUri, own: OwnAddresses): string | undefined {
  if (!own.isOwn(uri.host, uri.port)) return undefined;
  try {
    return canonicalAor(
      uri,
      own.firstDomain,
      (host, port) => !own.isDomain(host) && own.isAddress(host, port),
    );
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

/** What the core has found out about a request. */
export interface HandledRequestOptions {
  readonly transaction: ServerTransaction;
  readonly hasRoute: boolean;
  /** It claims a dialog, and carries no token of ours. */
  readonly isStrayInDialog: boolean;
  readonly fingerprint: string;
}

/** What the core keeps of a request that a handler decides about. */
export class HandledRequest implements RequestContext {
  readonly request: SipRequest;
  readonly hasRoute: boolean;
  readonly isStrayInDialog: boolean;
  readonly transaction: ServerTransaction;
  /** Of the request as it was received (`LoopDetector`). */
  readonly fingerprint: string;
  readonly #own: OwnAddresses;
  readonly #startFork: (context: HandledRequest) => Fork;
  #abort: AbortController | undefined;
  #fork: Fork | undefined;
  #answered = false;

  /** @param startFork makes the fork once the handler has decided to proxy */
  constructor(
    deps: { own: OwnAddresses; startFork: (context: HandledRequest) => Fork },
    options: HandledRequestOptions,
  ) {
    this.#own = deps.own;
    this.#startFork = deps.startFork;
    this.transaction = options.transaction;
    this.request = options.transaction.request;
    this.hasRoute = options.hasRoute;
    this.isStrayInDialog = options.isStrayInDialog;
    this.fingerprint = options.fingerprint;
  }

  get flow(): Flow {
    return this.transaction.flow;
  }

  get overlayPeer(): string | undefined {
    return this.transaction.flow.peer;
  }

  get requestAor(): string | undefined {
    return ownAor(this.request.uri, this.#own);
  }

  get fromAor(): string | undefined {
    return ownAor(this.request.from.uri, this.#own);
  }

  get toAor(): string | undefined {
    return ownAor(this.request.to.uri, this.#own);
  }

  get cancelled(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** Whether the handler has decided. */
  get isDecided(): boolean {
    return this.#answered || this.#fork !== undefined;
  }

  reply(status: number, reason?: string, options: ReplyOptions = {}): void {
    // After a CANCEL the answer is 487 already; a handler need not know.
    if (this.#answered) return;
    if (status >= 200) this.#answered = true;
    this.transaction.reply(status, reason, options);
  }

  challenge(status: number, headers: HeaderFields): void {
    if (this.#answered) return;
    this.#answered = true;
    this.transaction.refuseStateless(status, headers);
  }

  redirect(contacts: readonly { readonly uri: string; readonly q?: number }[]): void {
    const headers = contacts.map(
      ({ uri, q }) => ['Contact', q === undefined ? `<${uri}>` : `<${uri}>;q=${formatQ(q)}`] as const,
    );
    this.reply(302, undefined, { headers });
  }

  proxy(targets: readonly Target[], options?: ProxyOptions): Promise<number | undefined> {
    if (this.#answered) return Promise.resolve(487);
    this.#fork = this.#startFork(this);
    return this.#fork.run(targets, options);
  }

  /** RFC 3261 §9.2, §16.10: the caller cancelled, and why, if he said it. */
  cancel(reason?: string): void {
    if (this.#fork !== undefined) this.#fork.cancelAll(reason);
    else this.reply(487);
    this.#abort?.abort(new CodedError('cancelled', 'the caller cancelled', { origin: 'remote' }));
  }
}

function formatQ(q: number): string {
  return String(Math.round(Math.min(Math.max(q, 0), 1) * 1000) / 1000);
}
