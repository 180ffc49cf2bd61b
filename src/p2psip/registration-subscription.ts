import { escapeUser } from '../sip/message/aor.ts';
import { createRequest } from '../sip/message/build.ts';
import type { SipRequest } from '../sip/message/request.ts';
import type { TokenTarget } from '../sip/proxy/flow-token.ts';
import type { Binding } from '../sip/registrar/binding.ts';
import {
  type ContactEvent,
  formatReginfo,
  REGINFO_TYPE,
  type ReportedContact,
} from '../sip/registrar/reginfo.ts';

/** The dialog a SUBSCRIBE set up, as its notifier sees it (RFC 6665 §4.2). Whole header values. */
export interface NotifierDialog {
  readonly aor: string;
  readonly callId: string;
  readonly localTag: string;
  readonly local: string;
  readonly remote: string;
  readonly routes: readonly string[];
  /** Our own Contact. */
  readonly contact: string;
  /** The Event of the SUBSCRIBE, with its id. */
  readonly event: string;
}

/** What a refresh of the subscription may change. */
export interface SubscriberState {
  readonly remoteTarget: string;
  readonly reach: TokenTarget;
  readonly cseq: number;
  /** Wall clock, ms. */
  readonly expiresAt: number;
}

/** Contacts that have gone and of which the subscriber has not been told; of more he learns only that they are gone. */
const MAX_GONE = 32;

/** One subscription to the registrations of an AoR: what its subscriber knows, and what he is to be told next. */
export class RegistrationSubscription {
  readonly dialog: NotifierDialog;
  subscriber: SubscriberState;
  /** When the last NOTIFY went out, wall clock, ms. */
  notifiedAt = 0;
  readonly #bound = new Map<string, ReportedContact>();
  #gone: ReportedContact[] = [];
  #cseq = 0;
  #version = 0;
  #lastId = 0;

  constructor(dialog: NotifierDialog, subscriber: SubscriberState) {
    this.dialog = dialog;
    this.subscriber = subscriber;
  }

  /** Takes in the bindings as they are now. */
  observe(bindings: readonly Binding[], now: number): void {
    const current = new Set<string>();
    for (const binding of bindings) {
      const key = keyOf(binding);
      current.add(key);
      const known = this.#bound.get(key);
      if (known === undefined) {
        this.#lastId += 1;
        this.#bound.set(key, { id: `c${this.#lastId}`, binding, event: 'registered' });
      } else if (known.binding.updatedAt !== binding.updatedAt) {
        this.#bound.set(key, { id: known.id, binding, event: 'refreshed' });
      }
    }
    for (const [key, contact] of this.#bound) {
      if (!current.has(key))
        this.#lose(key, contact, contact.binding.expiresAt <= now ? 'expired' : 'unregistered');
    }
  }

  /** The user has lost his account: none of his contacts will come back. */
  reject(): void {
    for (const [key, contact] of this.#bound) this.#lose(key, contact, 'rejected');
  }

  /**
   * The next NOTIFY, without a Via.
   * @param endReason why the subscription ends with it (RFC 6665 §4.1.3)
   */
  notification(now: number, endReason?: string): SipRequest {
    const { aor, callId, local, remote, routes, contact, event } = this.dialog;
    const { remoteTarget, expiresAt } = this.subscriber;
    const seconds = Math.max(Math.ceil((expiresAt - now) / 1000), 0);
    const state = endReason === undefined ? `active;expires=${seconds}` : `terminated;reason=${endReason}`;
    const aorUri = `sip:${escapeUser(aor)}@${aor.slice(aor.lastIndexOf('@') + 1)}`;
    const contacts = [...this.#bound.values(), ...this.#gone];
    this.#gone = [];
    this.#cseq += 1;
    this.notifiedAt = now;
    return createRequest({
      ...{ method: 'NOTIFY', uri: remoteTarget, from: local, to: remote, callId, cseq: this.#cseq },
      headers: [
        ...routes.map((route) => ['Route', route] as const),
        ['Contact', contact],
        ['Event', event],
        ['Subscription-State', state],
      ],
      body: formatReginfo({ aorUri, version: this.#version++, contacts, now }),
      contentType: REGINFO_TYPE,
    });
  }

  #lose(key: string, { id, binding }: ReportedContact, event: ContactEvent): void {
    this.#bound.delete(key);
    this.#gone.push({ id, binding, event });
    if (this.#gone.length > MAX_GONE) this.#gone.shift();
  }
}

/** Names a contact across its refreshes, as the registrar tells them apart. */
function keyOf({ contact, instance, regId, byFlow, source }: Binding): string {
  if (instance !== undefined) return `${instance} ${regId ?? ''}`;
  return byFlow ? `${contact} ${source.host}` : contact;
}
