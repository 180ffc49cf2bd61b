import { type Address, isLinkLocal, isLoopback, isMulticast, isWildcard } from '../../base/index.ts';
import { type IceCandidate, OverlayLinkType } from '../messages/ice-candidate.ts';

/** Addresses of one Attach that are tried, one after the other. */
const MAX_TRIED = 4;

/** RFC 5245 §4.1.2.1 for a host candidate of component 1, the first address preferred. */
const HOST_TYPE_PREFERENCE = 126;

/**
 * What an Attach or AppAttach of ours offers (RFC 6940 §6.5.1.11 No-ICE): host candidates of TLS-TCP-FH-NO-ICE.
 * A wildcard stands for the addresses of the interfaces, loopback only when there is nothing else.
 */
export function offeredAddresses(listening: readonly Address[], interfaces: readonly string[]): Address[] {
  const offered = listening.flatMap(({ host, port }) => {
    if (!isWildcard(host)) return [{ host, port }];
    const family = interfaces.filter((own) => own.includes(':') === host.includes(':'));
    const outside = family.filter((own) => !isLoopback(own) && !isLinkLocal(own));
    return (outside.length > 0 ? outside : family).map((own) => ({ host: own, port }));
  });
  return offered.slice(0, MAX_TRIED);
}

export function toCandidates(addresses: readonly Address[]): IceCandidate[] {
  return addresses.map(({ host, port }, i) => ({
    address: { type: 'ip', host, port },
    overlayLink: OverlayLinkType.tlsTcpFhNoIce,
    foundation: String(i + 1),
    priority: HOST_TYPE_PREFERENCE * 2 ** 24 + (65_535 - i) * 2 ** 8 + 255,
    candidate: { type: 'host' },
    extensions: [],
  }));
}

/**
 * The addresses of somebody's candidates that we are willing to connect to, best first. They are chosen by the other
 * side, so they are bounded, and loopback and link-local ones count only where we are there ourselves.
 */
export function connectableAddresses(
  candidates: readonly IceCandidate[],
  own: readonly Address[],
): Address[] {
  const loopback = own.some(({ host }) => isLoopback(host));
  const linkLocal = own.some(({ host }) => isLinkLocal(host));
  const addresses: Address[] = [];
  for (const { address, overlayLink } of candidates.toSorted((a, b) => b.priority - a.priority)) {
    if (overlayLink !== OverlayLinkType.tlsTcpFhNoIce || address.type !== 'ip') continue;
    const { host, port } = address;
    if (port === 0 || isWildcard(host) || isGroup(host)) continue;
    if ((isLoopback(host) && !loopback) || (isLinkLocal(host) && !linkLocal)) continue;
    addresses.push({ host, port });
  }
  return addresses.slice(0, MAX_TRIED);
}

/** RFC 6940 §6.5.1.1: "MUST NOT include both candidates whose OverlayLinkType protocols use ICE … and … No-ICE". */
export function mixesIceAndNoIce(candidates: readonly IceCandidate[]): boolean {
  const isNoIce = ({ overlayLink }: IceCandidate) =>
    overlayLink === OverlayLinkType.tlsTcpFhNoIce || overlayLink === OverlayLinkType.dtlsUdpSrNoIce;
  return (
    candidates.some(isNoIce) &&
    candidates.some(({ overlayLink }) => overlayLink === OverlayLinkType.dtlsUdpSr)
  );
}

/** Multicast and broadcast. */
function isGroup(host: string): boolean {
  return isMulticast(host) || /^(24\d|25\d)\./.test(host);
}
