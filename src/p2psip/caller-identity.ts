import { type Clock, CodedError, withTimeout } from '../base/index.ts';
import { canonicalAor, escapeUser } from '../sip/message/aor.ts';
import { parseNameAddr } from '../sip/message/name-addr.ts';
import type { SipRequest } from '../sip/message/request.ts';
import { quote } from '../sip/message/text.ts';
import { ASSERTED_IDENTITY } from '../sip/proxy/asserted-identity.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import type { LocationService } from './location-service.ts';
import type { NodeId } from './overlay.ts';

/** RFC 3325 §9.1: a sip and a tel URI. Each costs a lookup, so a peer cannot ask for more. */
const MAX_IDENTITIES = 2;
/** A phone rings without a name rather than late: so long the overlay has to say who serves the caller, ms. */
const MAX_WAIT_MS = 500;

/**
 * Says to the next hops who the caller is (RFC 3325 §5): the user whose password he showed, under the name he gives
 * himself in From.
 */
export function assertIdentity(request: SipRequest, aor: string): void {
  const { displayName } = request.from;
  const name = displayName === undefined ? '' : `${quote(displayName)} `;
  const domain = aor.slice(aor.lastIndexOf('@') + 1);
  request.setHeader(ASSERTED_IDENTITY, `${name}<sip:${escapeUser(aor)}@${domain}>`);
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
