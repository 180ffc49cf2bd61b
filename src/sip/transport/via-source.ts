import type { Address } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { Via } from '../message/via.ts';

/**
 * Notes in the top Via where a request really came from: `received` when sent-by is a name or another address
 * (RFC 3261 §18.2.1), `received` and `rport` when the client asked for it (RFC 3581 §4). What the client wrote
 * there itself is overwritten: responses go where these parameters point.
 */
export function stampSource(request: SipRequest, source: Address): void {
  const via = request.topVia;
  if (via.host === source.host && via.received === undefined && !via.params.has('rport')) return;
  const wantsPort = via.params.has('rport');
  let params = via.params.with('received', source.host);
  if (wantsPort) params = params.with('rport', String(source.port));
  request.setTopVia({
    ...via,
    params,
    received: source.host,
    rport: wantsPort ? source.port : undefined,
  });
}

/** What of a request's top Via its response needs. */
export type ResponsePort = Pick<Via, 'port' | 'rport'>;

/**
 * Where the response to a datagram goes (RFC 3261 §18.2.2, RFC 3581 §4): always to the source address, which
 * `stampSource` put into `received` or found equal to sent-by; to the source port when rport was asked for, else to
 * the port of sent-by.
 * NOTE: `maddr` is ignored: it would let any client aim our responses at third parties.
 */
export function responsePort({ port, rport }: ResponsePort): number {
  return typeof rport === 'number' ? rport : (port ?? 5060);
}
