import { type Clock, CodedError, withTimeout } from '../base/index.ts';
import { canonicalAor, escapeUser } from '../sip/message/aor.ts';
import { formatNameAddr, type NameAddr, parseNameAddr } from '../sip/message/name-addr.ts';
import { noParams } from '../sip/message/params.ts';
import type { SipRequest } from '../sip/message/request.ts';
import { SipUri } from '../sip/message/uri.ts';
import { ASSERTED_IDENTITY } from '../sip/proxy/asserted-identity.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import { isAnonymous } from '../sip/proxy/privacy.ts';
import type { LocationService } from './location-service.ts';
import type { NodeId } from './overlay.ts';

/** RFC 3325 §9.1: a sip and a tel URI. Each costs a lookup, so a peer cannot ask for more. */
export const MAX_IDENTITIES = 2;
/** A phone rings without a name rather than late: so long the overlay has to say who serves the caller, ms. */
const MAX_WAIT_MS = 500;

/**
 * Says to the next hops who the caller is (RFC 3325 §5): the user whose password he showed, under the name he gives
 * himself in From.
 * @param preferred identities of his that he would rather have asserted, one SIP and one tel URI at most (§9.1)
 */
export function assertIdentity(request: SipRequest, aor: string, preferred: readonly NameAddr[]): void {
  const { displayName, uri } = request.from;
  const chosen = [
    preferred.find((identity) => identity.uri.isSip),
    preferred.find((identity) => identity.uri.scheme === 'tel'),
  ].filter((identity) => identity !== undefined);
  const host = aor.slice(aor.lastIndexOf('@') + 1);
  const name = isAnonymous(uri) ? undefined : displayName;
  const usual = { displayName: name, uri: new SipUri({ user: escapeUser(aor), host }), params: noParams };
  const identities = chosen.length > 0 ? chosen : [usual];
  const values = identities.map((identity) => formatNameAddr({ ...identity, params: noParams }));
  request.setHeader(ASSERTED_IDENTITY, values.join(', '));
}

interface IdentityDeps {
  readonly clock: Clock;
  readonly own: OwnAddresses;
  readonly locations: LocationService;
}

/**
 * Leaves the identity another peer asserts only when the overlay says that this peer serves that user: it has an
 * entry of its own in the user's record (architecture, callers' identity between peers).
 */
export async function checkAssertedIdentity(
  request: SipRequest,
  peer: NodeId,
  deps: IdentityDeps,
): Promise<void> {
  if (!request.has(ASSERTED_IDENTITY)) return;
  const served = isServedBy(request.headers(ASSERTED_IDENTITY), peer, deps);
  const late = () => new CodedError('identity-late', 'the overlay does not say who serves the caller');
  const isBelieved = await withTimeout(deps.clock, MAX_WAIT_MS, served, late).catch(() => false);
  if (!isBelieved) request.removeHeader(ASSERTED_IDENTITY);
}

async function isServedBy(
  identities: readonly string[],
  peer: NodeId,
  { own, locations }: IdentityDeps,
): Promise<boolean> {
  if (identities.length > MAX_IDENTITIES) return false;
  try {
    for (const identity of identities) {
      const { uri } = parseNameAddr(identity);
      if (own.domainOf(uri.host, uri.port) === undefined) return false;
      const aor = canonicalAor(uri, own.firstDomain, (host, port) => own.isAddress(host, port));
      const entries = await locations.entries(aor);
      if (!entries.some(({ node, registration }) => node === peer && registration.type === 'route'))
        return false;
    }
    return identities.length > 0;
  } catch {
    // Malformed, or the overlay does not answer: not proved, so not believed.
    return false;
  }
}
