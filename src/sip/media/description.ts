import type { SipMessage } from '../message/message.ts';

/** What a phone's media is made of: `webrtc` is ICE and DTLS-SRTP (RFC 8827), as browsers have it; `rtp` all else. */
export type MediaKind = 'webrtc' | 'rtp';

/** The session description in a message, as octets one char each; undefined when it carries none. */
export function descriptionIn(message: SipMessage): string | undefined {
  if (message.bodyLength === 0) return undefined;
  const type = message.header('Content-Type') ?? '';
  return /^application\/sdp[ \t]*(;|$)/i.test(type)
    ? Buffer.from(message.body).toString('latin1')
    : undefined;
}

export function setDescription(message: SipMessage, description: string): void {
  message.setBody(Buffer.from(description, 'latin1'), 'application/sdp');
}

/** RFC 8827 §6.5 demands UDP/TLS/RTP/SAVPF; its older name RTP/SAVPF with a fingerprint is the same. */
export function kindOf(description: string): MediaKind {
  const isSecure = /^m=\S+ \S+ (UDP\/TLS\/RTP\/SAVPF?|RTP\/SAVPF) /m.test(description);
  return isSecure && /^a=fingerprint:/m.test(description) ? 'webrtc' : 'rtp';
}

/** Where media is said to go: of the session, or of its first stream (RFC 4566 §5.7). */
export function connectionHost(description: string): string | undefined {
  return /^c=IN IP[46] ([^\s/]+)/m.exec(description)?.[1];
}
