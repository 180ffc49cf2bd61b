import { CodedError } from '../base/index.ts';
import type { Authenticator } from '../sip/auth/authenticator.ts';
import { type NameAddr, parseNameAddr } from '../sip/message/name-addr.ts';
import { phoneNumberOf } from '../sip/message/phone-number.ts';
import type { SipRequest } from '../sip/message/request.ts';
import { ASSERTED_IDENTITY, PREFERRED_IDENTITY, stripIdentities } from '../sip/proxy/asserted-identity.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import type { RequestContext } from '../sip/proxy/ports.ts';
import { isAnonymous } from '../sip/proxy/privacy.ts';
import { ownAor } from '../sip/proxy/request-context.ts';
import { assertIdentity, MAX_IDENTITIES } from './caller-identity.ts';
import type { Trunks } from './trunks.ts';

/**
 * What a caller proved, and so what he may ask of us: `anonymous` is a stranger who could still turn out to be one of our
 * users; `refused` has had his answer.
 */
export type Caller = 'authenticated' | 'foreign' | 'anonymous' | 'refused';

interface Deps {
  /** Undefined where nobody is asked for a password (`auth: none`). */
  readonly authenticator: Authenticator | undefined;
  readonly own: OwnAddresses;
  readonly trunks: Trunks;
}

/** Finds out who calls, and says it to the next hops (RFC 3261 §22.3, RFC 3325 §5). */
export class CallerCheck {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Architecture "Challenges": our own users prove who they are before anything is looked up. */
  async identify(context: RequestContext): Promise<Caller> {
    const { authenticator, own, trunks } = this.#deps;
    const { request, flow } = context;
    const preferred = namesIn(request, PREFERRED_IDENTITY);
    // The telephone network knows no passwords; it reaches our users, and nobody else through us.
    const trunk = trunks.sourceOf(flow.remote.host);
    if (trunk !== undefined) {
      if (trunk.trustsIdentity) request.removeHeader(PREFERRED_IDENTITY);
      if (!trunk.trustsIdentity || namesIn(request, ASSERTED_IDENTITY).length === 0) stripIdentities(request);
      return 'foreign';
    }
    stripIdentities(request);
    const { uri } = request.from;
    const isOurs = own.domainOf(uri.host, uri.port) !== undefined;
    if (authenticator === undefined) return isOurs ? 'authenticated' : 'foreign';
    if (!isOurs && !isAnonymous(uri)) return 'foreign';
    const claimed = isOurs ? context.fromAor : this.#hiddenAor(authenticator, request, preferred);
    if (claimed === undefined) {
      if (!isOurs) return 'anonymous';
      context.reply(403, 'No Usable Identity In From');
      return 'refused';
    }
    const result = await authenticator.check(context, claimed);
    // He says he is one of us, and nobody here can tell: he may ask what a stranger may.
    if (result === 'unproved') return 'foreign';
    if (result !== 'ok') return 'refused';
    assertIdentity(request, claimed, preferred.filter(isOf(claimed, own)));
    return 'authenticated';
  }

  /** What only our own users may ask; who did not say who he is is asked for it now. */
  deny(context: RequestContext, caller: Caller): void {
    const { authenticator } = this.#deps;
    if (caller === 'anonymous' && authenticator !== undefined) authenticator.demand(context);
    else context.reply(403, 'Relaying Denied');
  }

  /** Who a caller without a name in From says he is, to us alone (RFC 3325 §6), or by his credentials. */
  #hiddenAor(
    authenticator: Authenticator,
    request: SipRequest,
    preferred: readonly NameAddr[],
  ): string | undefined {
    const [named] = preferred.flatMap(({ uri }) => ownAor(uri, this.#deps.own) ?? []);
    return named ?? authenticator.userOf(request);
  }
}

/** RFC 3325 §6: of those he would like to be asserted, the ones that are the user's: his AoR, or its number. */
function isOf(aor: string, own: OwnAddresses): (identity: NameAddr) => boolean {
  return ({ uri }) => {
    if (uri.scheme !== 'tel') return ownAor(uri, own) === aor;
    const number = phoneNumberOf(uri);
    return number !== undefined && aor.startsWith(`${number}@`);
  };
}

/** The identities of a header; none where there are more than may be, or one is malformed. */
function namesIn(request: SipRequest, header: string): readonly NameAddr[] {
  if (!request.has(header)) return NO_NAMES;
  const values = request.headers(header);
  if (values.length > MAX_IDENTITIES) return NO_NAMES;
  try {
    return values.map(parseNameAddr);
  } catch (error) {
    if (error instanceof CodedError) return NO_NAMES;
    throw error;
  }
}

const NO_NAMES: readonly NameAddr[] = [];
