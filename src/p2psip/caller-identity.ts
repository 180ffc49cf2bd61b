import { canonicalAor } from '../sip/message/aor.ts';
import { parseNameAddr } from '../sip/message/name-addr.ts';
import type { SipRequest } from '../sip/message/request.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import type { LocationService } from './location-service.ts';
import type { NodeId } from './overlay.ts';

const ASSERTED = 'P-Asserted-Identity';
/** RFC 3325 §9.1: a sip and a tel URI. Each costs a lookup, so a peer cannot ask for more. */
const MAX_IDENTITIES = 2;

/** Removes an identity that only trusted proxies may assert (RFC 3325 §5). */
export function stripAssertedIdentity(request: SipRequest): void {
  if (request.has(ASSERTED)) request.removeHeader(ASSERTED);
}

/**
 * Leaves the identity another peer asserts only when the overlay says that this peer serves that user: it has an
 * entry of its own in the user's record (architecture, callers' identity between peers).
 */
export async function checkAssertedIdentity(
  request: SipRequest,
  peer: NodeId,
  deps: { readonly own: OwnAddresses; readonly locations: LocationService },
): Promise<void> {
  if (!request.has(ASSERTED)) return;
  if (!(await isServedBy(request.headers(ASSERTED), peer, deps))) request.removeHeader(ASSERTED);
}

async function isServedBy(
  identities: readonly string[],
  peer: NodeId,
  { own, locations }: { readonly own: OwnAddresses; readonly locations: LocationService },
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
