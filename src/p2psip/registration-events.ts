import {
  type Clock,
  CodedError,
  type Counter,
  DeadlineQueue,
  formatAddress,
  type Logger,
  type Metrics,
  type Random,
  randomHex,
} from '../base/index.ts';
import { escapeUser } from '../sip/message/aor.ts';
import { detach } from '../sip/message/detach.ts';
import type { SipRequest } from '../sip/message/request.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import type { OwnRequests } from '../sip/proxy/own-requests.ts';
import type { RequestContext } from '../sip/proxy/ports.ts';
import type { BindingChange, BindingStore } from '../sip/registrar/binding-store.ts';
import { REGINFO_TYPE } from '../sip/registrar/reginfo.ts';
import { transportParam } from '../sip/transport/flow.ts';
import {
  type NotifierDialog,
  RegistrationSubscription,
  type SubscriberState,
} from './registration-subscription.ts';

interface Deps {
  readonly bindings: BindingStore;
  readonly own: OwnAddresses;
  readonly requests: Pick<OwnRequests, 'reachOf' | 'send'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** RFC 3680 §4.4, s. */
const DEFAULT_SECONDS = 3761;
const MIN_SECONDS = 60;
const MAX_SECONDS = 7200;
/** RFC 3680 §4.10: a subscriber is told no more often than this, ms. */
const NOTIFY_INTERVAL_MS = 5000;
const MAX_SUBSCRIPTIONS = 10_000;
/** Of one user; the oldest makes room, since a phone that restarts leaves one behind. */
const MAX_SUBSCRIPTIONS_OF_ONE = 10;
/** Bytes of header values kept of a SUBSCRIBE. */
const MAX_KEPT_LENGTH = 4096;

interface Asked {
  readonly seconds: number;
  readonly remoteTarget: string;
}

interface Refused {
  readonly status: number;
  readonly reason?: string;
  readonly header?: readonly [name: string, value: string];
}

const TOO_LONG: Refused = { status: 400, reason: 'Headers Too Long' };
const TOO_BRIEF: Refused = { status: 423, header: ['Min-Expires', String(MIN_SECONDS)] };

/**
 * The registration event package (RFC 3680, RFC 6665): tells a user's phones which contacts he has at this peer.
 * NOTE: A mere refresh of a registration is no news: subscribers are told with the next change, or when they refresh.
 */
export class RegistrationEvents {
  readonly #deps: Deps;
  /** By the dialog's Call-ID and tags. */
  readonly #subscriptions = new Map<string, RegistrationSubscription>();
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #ends: DeadlineQueue<string>;
  readonly #notices: DeadlineQueue<string>;
  readonly #sent: Counter;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#ends = new DeadlineQueue(deps.clock, (key) => this.#end(key, 'timeout'));
    this.#notices = new DeadlineQueue(deps.clock, (key) => this.#notify(key));
    this.#sent = deps.metrics.counter('sip_notifies_total', 'NOTIFYs sent about registrations');
    deps.bindings.changed.on((change) => this.#onChange(change));
  }

  /** Subscriptions that exist now. */
  get size(): number {
    return this.#subscriptions.size;
  }

  stop(): void {
    this.#ends.clear();
    this.#notices.clear();
  }

  /** Answers a SUBSCRIBE by an authenticated user for his own AoR. */
  subscribe(context: RequestContext, aor: string): void {
    const asked = askedBy(context.request);
    if ('status' in asked) refuse(context, asked);
    else if (!this.#makeRoom(aor)) refuse(context, { status: 480, header: ['Retry-After', '60'] });
    else this.#install(context, aor, asked);
  }

  #install(context: RequestContext, aor: string, { seconds, remoteTarget }: Asked): void {
    const { request } = context;
    const localTag = randomHex(this.#deps.random, 8);
    const subscription = new RegistrationSubscription(
      {
        aor,
        callId: detach(request.callId),
        localTag,
        local: `${detach(request.header('To') ?? '')};tag=${localTag}`,
        remote: detach(request.header('From') ?? ''),
        routes: request.headers('Record-Route').map(detach),
        contact: this.#contactFor(context, aor),
        event: detach(request.header('Event') ?? 'reg'),
      },
      this.#stateOf(context, remoteTarget, seconds),
    );
    if (sizeOf(subscription.dialog, remoteTarget) > MAX_KEPT_LENGTH) {
      refuse(context, TOO_LONG);
      return;
    }
    const key = keyOf(request, localTag);
    this.#subscriptions.set(key, subscription);
    const keys = this.#keysOf.get(aor);
    if (keys === undefined) this.#keysOf.set(aor, new Set([key]));
    else keys.add(key);
    subscription.observe(this.#deps.bindings.bindings(aor), this.#deps.clock.now());
    this.#accept(context, key, subscription, seconds);
  }

  /**
   * Answers a SUBSCRIBE that refreshes or ends a subscription here. That its sender knows the tag of ours proves him.
   * @returns false when there is none of that dialog
   */
  refresh(context: RequestContext): boolean {
    const { request } = context;
    if (request.method !== 'SUBSCRIBE' || request.toTag === undefined) return false;
    const key = keyOf(request, request.toTag);
    const subscription = this.#subscriptions.get(key);
    if (subscription === undefined) return false;
    const seconds = lifetimeOf(request);
    const remoteTarget = contactOf(request) ?? subscription.subscriber.remoteTarget;
    if (request.cseq.number <= subscription.subscriber.cseq) context.reply(500, 'CSeq Out Of Order');
    else if (seconds === undefined) refuse(context, TOO_BRIEF);
    else if (sizeOf(subscription.dialog, remoteTarget) > MAX_KEPT_LENGTH) refuse(context, TOO_LONG);
    else {
      subscription.subscriber = this.#stateOf(context, remoteTarget, seconds);
      this.#accept(context, key, subscription, seconds);
    }
    return true;
  }

  /** The user has lost his account: his subscriptions end with his contacts. */
  reject(aor: string): void {
    for (const key of [...(this.#keysOf.get(aor) ?? [])]) {
      this.#subscriptions.get(key)?.reject();
      this.#end(key, 'rejected');
    }
  }

  #accept(
    context: RequestContext,
    key: string,
    { dialog: { contact, localTag } }: RegistrationSubscription,
    seconds: number,
  ): void {
    context.reply(200, undefined, {
      toTag: localTag,
      headers: [
        ['Contact', contact],
        ['Expires', String(seconds)],
      ],
    });
    // RFC 6665 §4.2.1.2, §4.4.3: the state goes out at once, also to one who only fetches it.
    if (seconds === 0) {
      this.#end(key, 'timeout');
      return;
    }
    this.#ends.set(key, this.#deps.clock.now() + seconds * 1000);
    this.#notify(key);
  }

  #stateOf(context: RequestContext, remoteTarget: string, seconds: number): SubscriberState {
    return {
      remoteTarget: detach(remoteTarget),
      reach: this.#deps.requests.reachOf(context),
      cseq: context.request.cseq.number,
      expiresAt: this.#deps.clock.now() + seconds * 1000,
    };
  }

  #contactFor({ flow }: RequestContext, aor: string): string {
    const address = formatAddress(this.#deps.own.advertisedFor(flow));
    return `<sip:${escapeUser(aor)}@${address};transport=${transportParam(flow.transport)}>`;
  }

  #makeRoom(aor: string): boolean {
    const keys = this.#keysOf.get(aor);
    if (keys !== undefined && keys.size >= MAX_SUBSCRIPTIONS_OF_ONE) {
      const [oldest] = keys;
      this.#end(oldest!, 'rejected');
    }
    return this.#subscriptions.size < MAX_SUBSCRIPTIONS;
  }

  #onChange({ aor, kind, bindings }: BindingChange): void {
    const keys = this.#keysOf.get(aor);
    if (keys === undefined) return;
    const now = this.#deps.clock.now();
    for (const key of keys) {
      const subscription = this.#subscriptions.get(key);
      if (subscription === undefined) continue;
      subscription.observe(bindings, now);
      if (kind === 'refreshed' || this.#notices.get(key) !== undefined) continue;
      this.#notices.set(key, Math.max(subscription.notifiedAt + NOTIFY_INTERVAL_MS, now));
    }
  }

  #notify(key: string): void {
    const subscription = this.#subscriptions.get(key);
    this.#notices.delete(key);
    if (subscription === undefined) return;
    this.#send(subscription, undefined).then(
      (status) => {
        // RFC 6665 §4.2.2: who does not take it wants no more.
        if (status >= 300) this.#forget(key);
      },
      (error) => this.#deps.logger.error('a NOTIFY failed', { error: String(error) }),
    );
  }

  #end(key: string, reason: string): void {
    const subscription = this.#subscriptions.get(key);
    this.#forget(key);
    if (subscription === undefined) return;
    this.#send(subscription, reason).catch((error) =>
      this.#deps.logger.error('a NOTIFY failed', { error: String(error) }),
    );
  }

  #send(subscription: RegistrationSubscription, reason: string | undefined): Promise<number> {
    this.#sent.inc();
    const notify = subscription.notification(this.#deps.clock.now(), reason);
    return this.#deps.requests.send(notify, subscription.subscriber.reach);
  }

  #forget(key: string): void {
    const aor = this.#subscriptions.get(key)?.dialog.aor;
    this.#subscriptions.delete(key);
    this.#ends.delete(key);
    this.#notices.delete(key);
    if (aor === undefined) return;
    const keys = this.#keysOf.get(aor);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(aor);
  }
}

function keyOf({ callId, fromTag }: SipRequest, localTag: string): string {
  return [callId, localTag, fromTag ?? ''].join(' ');
}

/** RFC 3680 §4.5: the default when nothing is said. */
function acceptsReginfo(request: SipRequest): boolean {
  const types = request.headers('Accept').map((value) => value.split(';', 1)[0]!.trim().toLowerCase());
  return types.length === 0 || types.some((type) => ACCEPTABLE.has(type));
}

const ACCEPTABLE = new Set([REGINFO_TYPE, 'application/*', '*/*']);

/** Seconds granted; undefined when fewer were asked for than we grant (RFC 6665 §4.2.1.1). */
function lifetimeOf(request: SipRequest): number | undefined {
  const seconds = request.expires ?? DEFAULT_SECONDS;
  return seconds > 0 && seconds < MIN_SECONDS ? undefined : Math.min(seconds, MAX_SECONDS);
}

/** What a SUBSCRIBE outside dialogs asks for, or why it cannot have it. */
function askedBy(request: SipRequest): Asked | Refused {
  // A dialog that is none of ours.
  if (request.toTag !== undefined) return { status: 481 };
  if (!acceptsReginfo(request)) return { status: 406, header: ['Accept', REGINFO_TYPE] };
  const seconds = lifetimeOf(request);
  if (seconds === undefined) return TOO_BRIEF;
  const remoteTarget = contactOf(request);
  return remoteTarget === undefined
    ? { status: 400, reason: 'No Usable Contact' }
    : { seconds, remoteTarget };
}

function refuse(context: RequestContext, { status, reason, header }: Refused): void {
  context.reply(status, reason, { headers: header === undefined ? [] : [header] });
}

function contactOf(request: SipRequest): string | undefined {
  try {
    const { contacts } = request;
    const uri = contacts === '*' ? undefined : contacts[0]?.uri;
    return uri?.isSip ? uri.toString() : undefined;
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

function sizeOf({ callId, local, remote, routes, event }: NotifierDialog, remoteTarget: string): number {
  return [callId, local, remote, event, remoteTarget, ...routes].join('').length;
}
