import type { LruMap } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { descriptionIn, kindOf, type MediaKind, setDescription } from './description.ts';
import type { NgCommand } from './ng-client.ts';
import { ice, towards } from './relay-terms.ts';

/** Descriptions of one request's responses, kept for when they are sent again. */
const MAX_ANSWERS = 16;

/** A request on its way whose descriptions go by the relay. */
export interface MediaLeg {
  /** Rewrites the description in a response, if it has one. Never rejects. */
  response(response: SipResponse): Promise<void>;
  /** The request was not answered with success. */
  failed(): void;
}

/** A call whose media is relayed: what each of its ends speaks, by tag. */
export interface MediaSession {
  readonly callId: string;
  readonly kinds: LruMap<string, MediaKind>;
  /** Copies of the INVITE that are relayed and not answered yet. */
  ringing: number;
  /** The tag of who made an offer in a response (RFC 3264, RFC 3261 §13.2.1); the answer comes with ACK or PRACK. */
  lateOfferer: string | undefined;
  answered: boolean;
}

/** What a leg has the relay do. */
export interface LegOwner {
  /** Asks the relay and puts what it says into the message; leaves it alone when the relay fails. */
  rewrite(
    session: MediaSession,
    command: 'offer' | 'answer',
    message: SipRequest | SipResponse,
    description: string,
    more: Omit<NgCommand, 'command'>,
  ): Promise<void>;
  /** A copy of the request got no success: its part of the call is of no more use. */
  abandon(session: MediaSession, fromTag: string, branch: string): void;
}

/** One copy of a request, and the descriptions that come back on it. */
export class RelayedLeg implements MediaLeg {
  readonly #owner: LegOwner;
  readonly #session: MediaSession;
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
    owner: LegOwner,
    session: MediaSession,
    request: SipRequest,
    known: { readonly branch: string; readonly hasOffer: boolean; readonly calleeKind: MediaKind },
  ) {
    this.#owner = owner;
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
    if (!this.#isInDialog) this.#owner.abandon(this.#session, this.#fromTag, this.#branch);
  }

  async #rewrite(response: SipResponse, description: string): Promise<void> {
    const session = this.#session;
    const toTag = response.toTag ?? '';
    const own = session.kinds.get(this.#fromTag) ?? 'rtp';
    session.kinds.set(toTag, session.kinds.get(toTag) ?? this.#calleeKind);
    const branch = this.#isInDialog ? {} : { 'via-branch': this.#branch };
    if (this.#hadOffer) {
      const tags = { 'from-tag': this.#fromTag, 'to-tag': toTag, ...branch };
      await this.#owner.rewrite(session, 'answer', response, description, { ...tags, ...ice(own) });
      return;
    }
    session.lateOfferer = toTag;
    const theirs = kindOf(description);
    session.kinds.set(toTag, theirs);
    const tags = { 'from-tag': toTag, ...(this.#isInDialog && { 'to-tag': this.#fromTag }) };
    await this.#owner.rewrite(session, 'offer', response, description, { ...tags, ...towards(own, theirs) });
  }
}
