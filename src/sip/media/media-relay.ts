import {
  type Counter,
  errorMessage,
  isAddressLiteral,
  type Logger,
  LruMap,
  type Metrics,
} from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { type Flow, isWebSocket } from '../transport/flow.ts';
import { connectionHost, descriptionIn, kindOf, type MediaKind, setDescription } from './description.ts';
import type { NgAnswer, NgCommand } from './ng-client.ts';

/** `nat`: calls that would have no sound without it. `always`: all calls. */
export type RelayPolicy = 'nat' | 'always';

export interface MediaRelayDeps {
  readonly relay: { request(command: NgCommand): Promise<NgAnswer> };
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface MediaRelayOptions {
  readonly policy: RelayPolicy;
  /** Sets our calls apart from those of other peers that use the same relay. */
  readonly callPrefix: string;
}

/** Where a request comes from, where it goes, and a name for this copy of it. */
export interface MediaEnds {
  readonly from: Flow;
  readonly to: Flow;
  readonly branch: string;
}

/** A request on its way whose descriptions go by the relay. */
export interface MediaLeg {
  /** Rewrites the description in a response, if it has one. Never rejects. */
  response(response: SipResponse): Promise<void>;
  /** The request was not answered with success. */
  failed(): void;
}

/** A call whose media is relayed: what each of its ends speaks, by tag. */
interface Session {
  readonly callId: string;
  readonly kinds: LruMap<string, MediaKind>;
  /** Copies of the INVITE that are relayed and not answered yet. */
  ringing: number;
  /** The tag of who made an offer in a response (RFC 3264, RFC 3261 §13.2.1); the answer comes with ACK or PRACK. */
  lateOfferer: string | undefined;
  answered: boolean;
}

const MAX_SESSIONS = 20_000;
/** Tags of one call: a proxy further on may fork. */
const MAX_TAGS = 32;
/** Descriptions of one request's responses, kept for when they are sent again. */
const MAX_ANSWERS = 16;

/**
 * Has media go by rtpengine: rewrites the session descriptions of INVITE, UPDATE, PRACK and ACK and of their responses, and
 * says when a call is over. Between a browser and a plain phone it has them translated (RFC 8827 to RTP/AVP and back).
 */
export class MediaRelay {
  readonly #deps: MediaRelayDeps;
  readonly #options: MediaRelayOptions;
  readonly #sessions: LruMap<string, Session>;
  readonly #relayed: Counter;
  readonly #failures: Counter;

  constructor(deps: MediaRelayDeps, options: MediaRelayOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#sessions = new LruMap(MAX_SESSIONS);
    this.#relayed = deps.metrics.counter('sip_media_relayed_total', 'Offers whose media goes by the relay');
    this.#failures = deps.metrics.counter(
      'sip_media_failures_total',
      'Descriptions the relay could not take',
    );
  }

  /**
   * Rewrites the description of a request that is about to leave.
   * @returns undefined when there is nothing to do; else resolves to what follows the responses
   * @throws (rejects) when the two ends cannot hear each other without the relay, and it fails
   */
  request(request: SipRequest, ends: MediaEnds): Promise<MediaLeg> | undefined {
    const { method } = request;
    if (method === 'BYE') this.#end(request.callId, request.fromTag ?? '');
    if (method !== 'INVITE' && method !== 'UPDATE' && method !== 'PRACK') return undefined;
    const description = descriptionIn(request);
    const session =
      request.toTag === undefined
        ? this.#sessionOfBranch(request, ends, description)
        : this.#sessions.get(request.callId);
    return session && this.#begin(session, request, ends, description);
  }

  /** The same for an ACK, whose description answers an offer that came with the response. Never rejects. */
  ack(ack: SipRequest): Promise<void> | undefined {
    const session = this.#sessions.get(ack.callId);
    const description = descriptionIn(ack);
    if (session?.lateOfferer === undefined || description === undefined) return undefined;
    return this.#answerLate(session, ack, description);
  }

  async #begin(
    session: Session,
    request: SipRequest,
    ends: MediaEnds,
    description: string | undefined,
  ): Promise<MediaLeg> {
    const offerer = request.fromTag ?? '';
    const own = session.kinds.get(offerer) ?? (description === undefined ? 'rtp' : kindOf(description));
    const target = session.kinds.get(request.toTag ?? '') ?? kindOfPhone(ends.to, own);
    const hasOffer = description !== undefined;
    const leg = new Leg(this, session, request, { branch: ends.branch, hasOffer, calleeKind: target });
    if (description === undefined) return leg;
    if (session.lateOfferer !== undefined && request.method === 'PRACK') {
      await this.#answerLate(session, request, description);
      return leg;
    }
    session.kinds.set(offerer, own);
    this.#relayed.inc();
    try {
      const isPhone = ends.from.peer === undefined;
      const rewritten = await this.ask(session, 'offer', {
        ...{ sdp: description, 'from-tag': offerer, ...towards(target, own) },
        ...(request.toTag === undefined ? { 'via-branch': ends.branch } : { 'to-tag': request.toTag }),
        ...(isPhone && { 'received-from': receivedFrom(ends.from), flags: ['SIP-source-address'] }),
      });
      setDescription(request, rewritten);
    } catch (error) {
      this.#failures.inc();
      this.#deps.logger.warn('the media relay is of no use to a call', {
        call: session.callId,
        error: errorMessage(error),
      });
      if (own !== target) {
        leg.failed();
        throw error;
      }
    }
    return leg;
  }

  async #answerLate(session: Session, message: SipRequest, description: string): Promise<void> {
    const offerer = session.lateOfferer!;
    session.lateOfferer = undefined;
    const kind = session.kinds.get(offerer) ?? 'rtp';
    const tags = { 'from-tag': offerer, 'to-tag': message.fromTag ?? '' };
    await this.rewrite(session, 'answer', message, description, { ...tags, ...ice(kind) });
  }

  /** Asks the relay and puts what it says into the message; leaves it alone when the relay fails. */
  async rewrite(
    session: Session,
    command: 'offer' | 'answer',
    message: SipRequest | SipResponse,
    description: string,
    more: Omit<NgCommand, 'command'>,
  ): Promise<void> {
    try {
      setDescription(message, await this.ask(session, command, { ...more, sdp: description }));
    } catch (error) {
      this.#failures.inc();
      const { callId: call } = session;
      this.#deps.logger.warn('the media relay did not take a description', {
        call,
        error: errorMessage(error),
      });
    }
  }

  async ask(
    { callId }: Session,
    command: 'offer' | 'answer',
    more: Omit<NgCommand, 'command'>,
  ): Promise<string> {
    const answer = await this.#deps.relay.request({
      ...more,
      command,
      'call-id': this.#name(callId),
      replace: ['origin'],
    });
    return String(answer.sdp ?? '');
  }

  /** A copy of the request got no success: its part of the call is of no more use. */
  abandon(session: Session, fromTag: string, branch: string): void {
    session.ringing -= 1;
    if (session.answered) return;
    if (session.ringing === 0) this.#sessions.delete(session.callId);
    this.#delete(session.callId, { 'from-tag': fromTag, 'via-branch': branch });
  }

  #end(callId: string, fromTag: string): void {
    if (this.#sessions.get(callId) === undefined) return;
    this.#sessions.delete(callId);
    this.#delete(callId, { 'from-tag': fromTag });
  }

  #delete(callId: string, tags: Omit<NgCommand, 'command'>): void {
    // What it has forgotten already is no concern of ours, and media that stops is noticed by the relay itself.
    this.#deps.relay
      .request({ ...tags, command: 'delete', 'call-id': this.#name(callId), 'delete-delay': 0 })
      .catch((error) =>
        this.#deps.logger.debug('the media relay did not end a call', { error: errorMessage(error) }),
      );
  }

  #name(callId: string): string {
    return `${this.#options.callPrefix}-${callId}`;
  }

  /** That of the call an INVITE begins; undefined where this copy of it does not need the relay. */
  #sessionOfBranch(
    request: SipRequest,
    ends: MediaEnds,
    description: string | undefined,
  ): Session | undefined {
    if (request.method !== 'INVITE') return undefined;
    const { callId } = request;
    const own = description === undefined ? kindOfPhone(ends.from, 'rtp') : kindOf(description);
    const calleeKind = kindOfPhone(ends.to, own);
    if (this.#options.policy !== 'always' && own === calleeKind && !isNatted(request, ends, description)) {
      return undefined;
    }
    const session = this.#sessions.get(callId) ?? {
      ...{ callId, ringing: 0, lateOfferer: undefined, answered: false },
      kinds: new LruMap<string, MediaKind>(MAX_TAGS),
    };
    session.ringing += 1;
    session.kinds.set(request.fromTag ?? '', own);
    this.#sessions.set(callId, session);
    return session;
  }
}

/** One copy of a request, and the descriptions that come back on it. */
class Leg implements MediaLeg {
  readonly #relay: MediaRelay;
  readonly #session: Session;
  readonly #branch: string;
  readonly #fromTag: string;
  readonly #hadOffer: boolean;
  readonly #calleeKind: MediaKind;
  readonly #isInDialog: boolean;
  /** What became of descriptions: responses are sent again until they are acknowledged. */
  readonly #rewritten = new Map<string, Promise<void>>();
  readonly #bodies = new Map<string, string>();
  #hasFailed = false;

  constructor(
    relay: MediaRelay,
    session: Session,
    request: SipRequest,
    known: { readonly branch: string; readonly hasOffer: boolean; readonly calleeKind: MediaKind },
  ) {
    this.#relay = relay;
    this.#session = session;
    this.#branch = known.branch;
    this.#fromTag = request.fromTag ?? '';
    this.#hadOffer = known.hasOffer;
    this.#calleeKind = known.calleeKind;
    this.#isInDialog = request.toTag !== undefined;
  }

  async response(response: SipResponse): Promise<void> {
    if (response.isSuccess) this.#session.answered = true;
    const description = descriptionIn(response);
    if (description === undefined || response.status >= 300) return;
    const key = `${response.toTag} ${description}`;
    const before = this.#rewritten.get(key);
    if (before !== undefined) {
      await before;
      const body = this.#bodies.get(key);
      if (body !== undefined) setDescription(response, body);
      return;
    }
    if (this.#rewritten.size >= MAX_ANSWERS) return;
    const work = this.#rewrite(response, description);
    this.#rewritten.set(key, work);
    await work;
    this.#bodies.set(key, descriptionIn(response) ?? description);
  }

  failed(): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    if (!this.#isInDialog) this.#relay.abandon(this.#session, this.#fromTag, this.#branch);
  }

  async #rewrite(response: SipResponse, description: string): Promise<void> {
    const session = this.#session;
    const toTag = response.toTag ?? '';
    const own = session.kinds.get(this.#fromTag) ?? 'rtp';
    session.kinds.set(toTag, session.kinds.get(toTag) ?? this.#calleeKind);
    const branch = this.#isInDialog ? {} : { 'via-branch': this.#branch };
    if (this.#hadOffer) {
      const tags = { 'from-tag': this.#fromTag, 'to-tag': toTag, ...branch };
      await this.#relay.rewrite(session, 'answer', response, description, { ...tags, ...ice(own) });
      return;
    }
    session.lateOfferer = toTag;
    const theirs = kindOf(description);
    session.kinds.set(toTag, theirs);
    const tags = { 'from-tag': toTag, ...(this.#isInDialog && { 'to-tag': this.#fromTag }) };
    await this.#relay.rewrite(session, 'offer', response, description, { ...tags, ...towards(own, theirs) });
  }
}

/** What rtpengine is to make of an offer for an end of this kind. */
function towards(kind: MediaKind, from: MediaKind): Omit<NgCommand, 'command'> {
  if (kind === 'webrtc') {
    return {
      ...{ 'transport-protocol': 'UDP/TLS/RTP/SAVPF', 'rtcp-mux': ['offer', 'require'], SDES: ['off'] },
      ...ice(kind),
    };
  }
  return from === 'webrtc'
    ? { 'transport-protocol': 'RTP/AVP', 'rtcp-mux': ['demux'], ...ice(kind) }
    : ice(kind);
}

function ice(kind: MediaKind): { readonly ICE: string } {
  return { ICE: kind === 'webrtc' ? 'force' : 'remove' };
}

/** What speaks at the other end of a flow; behind another peer it may be anything, so the offer stays what it is. */
function kindOfPhone({ peer, transport }: Flow, offered: MediaKind): MediaKind {
  if (peer !== undefined) return offered;
  return isWebSocket(transport) ? 'webrtc' : 'rtp';
}

/** Whether one of the phones says an address for its media, or for itself, that is not where its packets come from. */
function isNatted(request: SipRequest, { from, to }: MediaEnds, description = ''): boolean {
  if (kindOf(description) === 'webrtc') return false;
  const host = connectionHost(description);
  if (from.peer === undefined && host !== undefined && host !== from.remote.host) return true;
  const contact = request.uri.host;
  return (
    to.peer === undefined &&
    !isWebSocket(to.transport) &&
    isAddressLiteral(contact) &&
    contact !== to.remote.host
  );
}

function receivedFrom({ remote: { host } }: Flow): readonly string[] {
  return [host.includes(':') ? 'IP6' : 'IP4', host];
}
