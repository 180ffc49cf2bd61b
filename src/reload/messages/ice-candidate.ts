import type { TypeOf } from '../wire/codec.ts';
import { uint8, uint32 } from '../wire/integers.ts';
import { opaque, text, vector } from '../wire/sequences.ts';
import { select, struct, variant } from '../wire/struct.ts';
import { ipAddressPort } from './ip-address-port.ts';

/** RFC 6940 §6.5.1.1 and §14.10. */
export const OverlayLinkType = { dtlsUdpSr: 1, dtlsUdpSrNoIce: 3, tlsTcpFhNoIce: 4 } as const;

/** An Attach offers few addresses; more is somebody using us to knock at doors. */
const MAX_CANDIDATES = 32;

const iceExtension = struct({ name: opaque(2), value: opaque(2) });

/** RFC 6940 §6.5.1.1. */
export const iceCandidate = struct({
  address: ipAddressPort,
  /** An OverlayLinkType, or one of a later specification. */
  overlayLink: uint8,
  foundation: text(1),
  priority: uint32,
  candidate: select({
    host: variant(1, {}),
    srflx: variant(2, { relatedAddress: ipAddressPort }),
    relay: variant(4, { relatedAddress: ipAddressPort }),
  }),
  extensions: vector(2, iceExtension),
});
export type IceCandidate = TypeOf<typeof iceCandidate>;

export const iceCandidates = vector(2, iceCandidate, MAX_CANDIDATES);
