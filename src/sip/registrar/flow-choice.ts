import type { SipRequest } from '../message/request.ts';
import { nextComma } from '../message/text.ts';
import type { SipUri } from '../message/uri.ts';
import type { Flow } from '../transport/flow.ts';

/**
 * Whether the sender of a request is to be reached over the flow the request came on rather than at its Contact:
 * always over WebSocket and for outbound registrations (RFC 5626 §5.3), when the Contact's transport is the
 * connection-oriented one that is open already, and over UDP when the Via shows a NAT in between (RFC 3581). Never when
 * another proxy stands between: its Via is there, or its Path.
 */
export function isReachedByFlow(
  request: SipRequest,
  flow: Pick<Flow, 'transport' | 'remote'>,
  contact: SipUri,
  isOutbound: boolean,
): boolean {
  if (!isDirect(request)) return false;
  switch (flow.transport) {
    case 'WS':
    case 'WSS':
      return true;
    case 'TCP':
      return isOutbound || contact.transport === 'tcp';
    case 'TLS':
      return isOutbound || contact.transport === 'tls' || contact.scheme === 'sips';
    case 'UDP': {
      const { host, port } = request.topVia;
      return isOutbound || host !== flow.remote.host || (port ?? 5060) !== flow.remote.port;
    }
  }
}

/** Whether no proxy stands between us and the sender. */
export function isDirect(request: SipRequest): boolean {
  if (request.has('Path')) return false;
  return request.lineCount('Via') === 1 && nextComma(request.header('Via') ?? '', 0) < 0;
}
