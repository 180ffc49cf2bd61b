import type { OverlayDocument } from './overlay-document.ts';

/** Headers, lists and the security block of the ConfigUpdate that carries a document, bytes. */
const MESSAGE_OVERHEAD = 2_048;

/** What part of a message of max-message-size the document takes; over 1: peers cannot pass it on (§6.5.4). */
export function shareOfMessage({ source, maxMessageSize }: OverlayDocument): number {
  return ((source?.bytes.length ?? 0) + MESSAGE_OVERHEAD) / maxMessageSize;
}
