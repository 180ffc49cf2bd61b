import type { SipRequest } from '../message/request.ts';
import { isEmergencyUrn } from '../message/service-urn.ts';
import type { Flow } from '../transport/flow.ts';
import { incomingBreadth } from './breadth.ts';
import type { ReplyOptions } from './ports.ts';
import { isSecure, isSips } from './sips.ts';

/** What a request is answered with that does not pass. */
export interface Refusal {
  readonly status: number;
  readonly reason?: string;
  readonly options?: ReplyOptions;
}

/** RFC 3261 §16.3: what every request must pass besides the look for loops. */
export function generalRefusal(request: SipRequest, flow: Flow): Refusal | undefined {
  if (request.has('Proxy-Require')) {
    const unsupported = request.headers('Proxy-Require').join(', ');
    return { status: 420, options: { headers: [['Unsupported', unsupported]] } };
  }
  // RFC 3261 §26.2.2: it came a hop without TLS. To go on would tell the callee otherwise. Within a dialog the other
  // phone's Contact may be to blame, and a BYE must not be held up.
  if (request.toTag === undefined && isSips(request.requestUri) && !isSecure(flow)) {
    return { status: 400, reason: 'SIPS Without TLS' };
  }
  return undefined;
}

/** What must hold of a request that is to be sent on to a target of our choice, its Request-URI being canonical. */
export function targetRefusal(request: SipRequest): Refusal | undefined {
  // RFC 3261 §16.3 item 2: nobody said what is to be dialled for help.
  if (isEmergencyUrn(request.uri)) return { status: 416 };
  // A registrar is no hop.
  return request.method === 'REGISTER' ? undefined : hopRefusal(request);
}

/** RFC 3261 §16.3 item 3, RFC 5393 §5.3.3: whether it may take another hop. */
export function hopRefusal(request: SipRequest): Refusal | undefined {
  if (request.maxForwards === 0) return { status: 483 };
  return incomingBreadth(request) === 0 ? { status: 440 } : undefined;
}
