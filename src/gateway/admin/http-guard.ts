import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Answer, refusal } from './routes.ts';

const MAX_BODY_BYTES = 0;
const MAX_URL_LENGTH = 2048;

/** `same-origin`: changes nothing here but what the asking page itself may do next; pages of ours may ask for it. */
export type Access = 'read' | 'change' | 'same-origin';

/** What is refused before the path is looked at: a wrong method, a body, an over-long URL. Changes are asked by POST. */
export function refuseRequest(request: IncomingMessage, access: Access): Answer | undefined {
  const allowed = access === 'read' ? ['GET', 'HEAD'] : ['POST'];
  if (!allowed.includes(request.method ?? '')) {
    return refusal(405, 'method-not-allowed', `this path only answers ${allowed[0]}`);
  }
  if ((request.url ?? '').length > MAX_URL_LENGTH) return refusal(414, 'url-too-long', 'the URL is too long');
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > MAX_BODY_BYTES || request.headers['transfer-encoding'] !== undefined) {
    return refusal(413, 'body-too-large', 'requests here carry no body');
  }
  // What a web page in the operator's browser sends by POST carries its Origin: none of them has anything to change here.
  const { origin, host } = request.headers;
  const own = `${isSecure(request) ? 'https' : 'http'}://${host}`;
  const isWelcome = origin === undefined || (access === 'same-origin' && origin === own);
  return access === 'read' || isWelcome ? undefined : refusal(403, 'foreign-origin', 'not from a web page');
}

export function isSecure({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket;
}

/**
 * A web page whose name was made to resolve to 127.0.0.1 may call us from the operator's own browser (DNS
 * rebinding); its Host header gives it away. Asked only where no token stands guard.
 */
export function isRebound(request: IncomingMessage): boolean {
  const host = request.headers.host ?? '';
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name !== 'localhost' && isIP(name) === 0;
}

/** Compares in constant time whatever the lengths (RFC 6750 §2.1 form). */
export function hasToken(request: IncomingMessage, token: string): boolean {
  const shown = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return shown !== undefined && timingSafeEqual(sha256(shown), sha256(token));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
