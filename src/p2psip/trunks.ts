import { PrefixSet } from '../base/index.ts';
import { escapeUser } from '../sip/message/aor.ts';
import { phoneNumberOf } from '../sip/message/phone-number.ts';
import { parseUri } from '../sip/message/uri.ts';
import type { Target } from '../sip/proxy/ports.ts';
import type { NodeId } from './overlay.ts';

/** A way out to the telephone network, and in. */
export interface Trunk {
  /** Numbers that go there, as dialled: digits, a leading + where there is one. */
  readonly match: RegExp;
  /** The other end: a SIP URI without a user part, or peers that share such a trunk, the preferred first. */
  readonly to: string | readonly NodeId[];
  /** Addresses and prefixes whose calls to our users are let in whatever their From says. */
  readonly from: readonly string[];
  /** Whether it is of our trust domain, so that what it asserts about callers is believed (RFC 3325 §2.3). */
  readonly trustsIdentity?: boolean;
  /** Whether users of other peers may call out by it. */
  readonly isShared?: boolean;
}

/** Trunks by number (requirement A6): the first whose pattern matches takes the call. */
export class Trunks {
  readonly #trunks: readonly Trunk[];
  readonly #sources: readonly (readonly [PrefixSet, Trunk])[];

  constructor(trunks: readonly Trunk[] = []) {
    this.#trunks = trunks;
    this.#sources = trunks.map((trunk) => [new PrefixSet(trunk.from), trunk]);
  }

  /**
   * Where a number goes (RFC 3261 §19.1.6); undefined: the AoR is no number, or no trunk takes it.
   * @param caller of another peer: for him the trunks that are shared, and never by way of a third peer
   */
  targetsFor(aor: string, caller: 'ours' | 'of-a-peer' = 'ours'): readonly Target[] | undefined {
    const number = phoneNumberOf(parseUri(`sip:${aor}`));
    if (number === undefined) return undefined;
    const isOpen = ({ to, isShared }: Trunk) => caller === 'ours' || (isShared && typeof to === 'string');
    const to = this.#trunks.find((trunk) => isOpen(trunk) && trunk.match.test(number))?.to;
    return typeof to === 'string' ? [outside(to, number)] : to?.map(byPeer(aor));
  }

  /** The trunk that calls from this address come in over. */
  sourceOf(host: string): Trunk | undefined {
    return this.#sources.find(([prefixes]) => prefixes.has(host))?.[1];
  }
}

function outside(to: string, number: string): Target {
  const uri = parseUri(to);
  const params = uri.params.with('user', 'phone');
  return { kind: 'uri', uri: uri.with({ user: number, params }).toString(), isTrusted: true };
}

/** The number stays a user of our domain: it is the other peer's to send outside. By falling q one is tried after the other. */
function byPeer(aor: string) {
  const uri = `sip:${escapeUser(aor)}@${aor.slice(aor.lastIndexOf('@') + 1)}`;
  return (peer: NodeId, at: number): Target => ({ kind: 'peer', peer, uri, q: 1 / (1 + at) });
}
