import { PrefixSet } from '../base/index.ts';
import { phoneNumberOf } from '../sip/message/phone-number.ts';
import { parseUri } from '../sip/message/uri.ts';

/** A way out to the telephone network, and in. */
export interface Trunk {
  /** Numbers that go there, as dialled: digits, a leading + where there is one. */
  readonly match: RegExp;
  /** SIP URI of the other end, without a user part. */
  readonly to: string;
  /** Addresses and prefixes whose calls to our users are let in whatever their From says. */
  readonly from: readonly string[];
  /** Whether it is of our trust domain, so that what it asserts about callers is believed (RFC 3325 §2.3). */
  readonly trustsIdentity?: boolean;
}

/** Trunks by number (requirement A6): the first whose pattern matches takes the call. */
export class Trunks {
  readonly #trunks: readonly Trunk[];
  readonly #sources: readonly (readonly [PrefixSet, Trunk])[];

  constructor(trunks: readonly Trunk[] = []) {
    this.#trunks = trunks;
    this.#sources = trunks.map((trunk) => [new PrefixSet(trunk.from), trunk]);
  }

  /** Where a number goes (RFC 3261 §19.1.6); undefined: the AoR is no number, or no trunk takes it. */
  uriFor(aor: string): string | undefined {
    const number = phoneNumberOf(parseUri(`sip:${aor}`));
    const trunk = number === undefined ? undefined : this.#trunks.find(({ match }) => match.test(number));
    if (trunk === undefined) return undefined;
    const uri = parseUri(trunk.to);
    return uri.with({ user: number, params: uri.params.with('user', 'phone') }).toString();
  }

  /** The trunk that calls from this address come in over. */
  sourceOf(host: string): Trunk | undefined {
    return this.#sources.find(([prefixes]) => prefixes.has(host))?.[1];
  }
}
