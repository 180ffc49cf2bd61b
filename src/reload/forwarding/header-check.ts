import type { OverlayDocument } from '../document/overlay-document.ts';
import { type ForwardingHeader, RELOAD_VERSION } from '../messages/forwarding-header.ts';
import type { DropReason } from './forwarding-metrics.ts';

/** High bit of `fragment`, always 1 (RFC 6940 §6.7). */
const ALWAYS_SET = 0x8000_0000;

export type HeaderLimits = Pick<OverlayDocument, 'overlayHash' | 'initialTtl' | 'maxMessageSize'>;

/**
 * RFC 6940 §6.3.2: whether a message can be processed at all; the reason to discard it, if not.
 * The order matters for the error answers: only what is of our overlay and version gets one. All else is dropped
 * silently, which §6.1 leaves to local policy: whoever sends it does not speak our language.
 */
export function headerFault(
  header: ForwardingHeader,
  size: number,
  limits: HeaderLimits,
): DropReason | undefined {
  if (header.overlay !== limits.overlayHash) return 'overlay';
  if (header.version !== RELOAD_VERSION) return 'version';
  if (header.length !== size) return 'length';
  // §6.7: "implementations SHOULD discard any message with it set to 0"
  if ((header.fragment & ALWAYS_SET) === 0) return 'fragment-bit';
  if (header.ttl > limits.initialTtl) return 'ttl';
  if (size > limits.maxMessageSize) return 'too-large';
  // §6.3.2.2: a Resource-ID "MUST NOT appear in a Via List".
  if (header.viaList.some((entry) => entry.type === 'resource')) return 'destination';
  return undefined;
}
