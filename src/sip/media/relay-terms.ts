import { isAddressLiteral } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import { type Flow, isWebSocket } from '../transport/flow.ts';
import { connectionHost, kindOf, type MediaKind } from './description.ts';
import type { NgCommand } from './ng-client.ts';

/** Where a request comes from, where it goes, and a name for this copy of it. */
export interface MediaEnds {
  readonly from: Flow;
  readonly to: Flow;
  readonly branch: string;
}

/** What rtpengine is to make of an offer for an end of this kind. */
export function towards(kind: MediaKind, from: MediaKind): Omit<NgCommand, 'command'> {
  if (kind === 'webrtc') {
    return {
      ...{ 'transport-protocol': 'UDP/TLS/RTP/SAVPF', 'rtcp-mux': ['offer', 'require'], SDES: ['off'] },
      ...ice(kind),
    };
  }
  return from === 'webrtc'
    ? { 'transport-protocol': 'RTP/AVP', 'rtcp-mux': ['demux'], ...ice(kind) }
    : ice(kind);
}

export function ice(kind: MediaKind): { readonly ICE: string } {
  return { ICE: kind === 'webrtc' ? 'force' : 'remove' };
}

/** What speaks at the other end of a flow; behind another peer it may be anything, so the offer stays what it is. */
export function kindOfPhone({ peer, transport }: Flow, offered: MediaKind): MediaKind {
  if (peer !== undefined) return offered;
  return isWebSocket(transport) ? 'webrtc' : 'rtp';
}

/** Whether one of the phones says an address for its media, or for itself, that is not where its packets come from. */
export function isNatted(request: SipRequest, { from, to }: MediaEnds, description = ''): boolean {
  if (kindOf(description) === 'webrtc') return false;
  const host = connectionHost(description);
  if (from.peer === undefined && host !== undefined && host !== from.remote.host) return true;
  const contact = request.uri.host;
  return (
    to.peer === undefined &&
    !isWebSocket(to.transport) &&
    isAddressLiteral(contact) &&
    contact !== to.remote.host
  );
}

export function receivedFrom({ remote: { host } }: Flow): readonly string[] {
  return [host.includes(':') ? 'IP6' : 'IP4', host];
}
