import { CodedError, LruMap } from '../base/index.ts';
import { escapeUser } from '../sip/message/aor.ts';
import type { SipUri } from '../sip/message/uri.ts';
import type { RequestContext } from '../sip/proxy/ports.ts';
import type { Binding } from '../sip/registrar/binding.ts';
import type { Location } from './location-service.ts';
import type { NodeId } from './overlay.ts';
import type { PublicAddresses } from './public-addresses.ts';

/** Bounds what is remembered of the Contacts we named. */
const MAX_NAMED = 10_000;

interface Contact {
  readonly uri: string;
  readonly q?: number;
}

/**
 * Answers with what an ordinary UA can use (RFC 3261 §8.3, architecture: redirecting): the contacts of phones here,
 * and for users at other peers `sip:user@<public SIP address of that peer>`.
 */
export class Redirector {
  readonly #addresses: PublicAddresses;
  /** The peer behind each user and address we sent callers to. */
  readonly #named = new LruMap<string, NodeId>(MAX_NAMED);

  constructor(deps: { readonly addresses: PublicAddresses }) {
    this.#addresses = deps.addresses;
  }

  /**
   * 302 with every contact; `emptyStatus` when there is none.
   * @throws CodedError 'overlay-unreachable' when other peers' addresses cannot be fetched and nobody is here
   */
  async answer(
    context: RequestContext,
    aor: string,
    found: {
      readonly bindings: readonly Binding[];
      readonly location: Location;
      readonly emptyStatus: number;
    },
  ): Promise<void> {
    // A phone that can only be reached over the flow it registered on is of no use to others.
    const contacts: Contact[] = found.bindings
      .filter(({ byFlow, path }) => !byFlow && path.length === 0)
      .map(({ contact, q }) => (q === 1 ? { uri: contact } : { uri: contact, q }));
    const peers = new Set(found.location.routes.map((route) => route.at(-1)!));
    const remote = await Promise.allSettled([...peers].map((peer) => this.#contactAt(peer, aor)));
    for (const outcome of remote) {
      if (outcome.status === 'fulfilled' && outcome.value !== undefined) contacts.push(outcome.value);
    }
    for (const uri of found.location.externalUris) contacts.push({ uri });
    if (contacts.length > 0) return context.redirect(contacts);
    const failure = remote.find(({ status }) => status === 'rejected');
    if (failure !== undefined) throw new CodedError('overlay-unreachable', 'no answer about peer addresses');
    context.reply(found.emptyStatus);
  }

  /** The peer behind a Contact of an earlier 302 of ours. */
  peerAt(contact: SipUri): NodeId | undefined {
    return this.#named.get(placeOf(contact));
  }

  async #contactAt(peer: NodeId, aor: string): Promise<Contact | undefined> {
    const [address] = await this.#addresses.of(peer);
    if (address === undefined) return undefined;
    const uri = address.with({ user: escapeUser(aor) });
    this.#named.set(placeOf(uri), peer);
    return { uri: uri.toString() };
  }
}

function placeOf({ user, host, port }: SipUri): string {
  return `${user ?? ''}@${host}:${port ?? 5060}`;
}
