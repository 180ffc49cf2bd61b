import { type Counter, errorMessage, type Logger, LruMap, type Metrics } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { descriptionIn, kindOf, type MediaKind, setDescription } from './description.ts';
import { type LegOwner, type MediaLeg, type MediaSession, RelayedLeg } from './media-leg.ts';
import type { NgAnswer, NgCommand } from './ng-client.ts';
import { ice, isNatted, kindOfPhone, type MediaEnds, receivedFrom, towards } from './relay-terms.ts';

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

const MAX_SESSIONS = 20_000;
/** Tags of one call: a proxy further on may fork. */
const MAX_TAGS = 32;

/**
 * Has media go by rtpengine: rewrites the session descriptions of INVITE, UPDATE, PRACK and ACK and of their responses, and
 * says when a call is over. Between a browser and a plain phone it has them translated (RFC 8827 to RTP/AVP and back).
 */
export class MediaRelay implements LegOwner {
  readonly #deps: MediaRelayDeps;
  readonly #options: MediaRelayOptions;
  readonly #sessions: LruMap<string, MediaSession>;
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
    session: MediaSession,
    request: SipRequest,
    ends: MediaEnds,
    description: string | undefined,
  ): Promise<MediaLeg> {
    const offerer = request.fromTag ?? '';
    const own = session.kinds.get(offerer) ?? (description === undefined ? 'rtp' : kindOf(description));
    const target = session.kinds.get(request.toTag ?? '') ?? kindOfPhone(ends.to, own);
    const hasOffer = description !== undefined;
    const leg = new RelayedLeg(this, session, request, { branch: ends.branch, hasOffer, calleeKind: target });
    if (description === undefined) return leg;
    if (session.lateOfferer !== undefined && request.method === 'PRACK') {
      await this.#answerLate(session, request, description);
      return leg;
    }
    session.kinds.set(offerer, own);
    this.#relayed.inc();
    try {
      const isPhone = ends.from.peer === undefined;
      const rewritten = await this.#ask(session, 'offer', {
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

  async #answerLate(session: MediaSession, message: SipRequest, description: string): Promise<void> {
    const offerer = session.lateOfferer!;
    session.lateOfferer = undefined;
    const kind = session.kinds.get(offerer) ?? 'rtp';
    const tags = { 'from-tag': offerer, 'to-tag': message.fromTag ?? '' };
    await this.rewrite(session, 'answer', message, description, { ...tags, ...ice(kind) });
  }

  async rewrite(
    session: MediaSession,
    command: 'offer' | 'answer',
    message: SipRequest | SipResponse,
    description: string,
    more: Omit<NgCommand, 'command'>,
  ): Promise<void> {
    try {
      setDescription(message, await this.#ask(session, command, { ...more, sdp: description }));
    } catch (error) {
      this.#failures.inc();
      const { callId: call } = session;
      this.#deps.logger.warn('the media relay did not take a description', {
        call,
        error: errorMessage(error),
      });
    }
  }

  async #ask(
    { callId }: MediaSession,
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

  abandon(session: MediaSession, fromTag: string, branch: string): void {
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
  ): MediaSession | undefined {
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
