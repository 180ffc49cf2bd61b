import type { SipRequest } from '../message/request.ts';
import type { Flow } from '../transport/flow.ts';
import type { BranchPlan } from './branch-plan.ts';

export function isSips(uri: string): boolean {
  return /^sips:/i.test(uri);
}

/** The same resource without the demand that each hop be secure (RFC 5630 §4.1). */
export function asSip(uri: string): string {
  return uri.replace(/^sips:/i, 'sip:');
}

/** Whether what goes over a flow is protected by TLS; SIP connections between peers always are (RFC 7904 §5.1). */
export function isSecure({ transport, peer }: Pick<Flow, 'transport' | 'peer'>): boolean {
  return transport === 'TLS' || transport === 'WSS' || peer !== undefined;
}

/**
 * Whether a request may go to a phone with this Contact: one that registered a SIP URI does not want to be reached by
 * SIPS (RFC 5630 §5.3).
 */
export function mayReach(request: SipRequest, contact: string): boolean {
  return isSips(contact) || !isSips(request.requestUri);
}

/** The Warning of a 480 where no phone wants to be reached by SIPS (RFC 5630 §5.3). */
export function sipsNotAllowed(agent: string): readonly [name: string, value: string] {
  return ['Warning', `380 ${agent} "SIPS Not Allowed"`];
}

/** A plan whose way is by TLS, whatever its URI asks for; none when its flow is not (RFC 3261 §8.1.2, RFC 5630 §4.1). */
export function secured(plan: BranchPlan): BranchPlan {
  const { way } = plan;
  if (way.kind === 'uri')
    return { ...plan, way: { ...way, uri: way.uri.with({ scheme: 'sips' }), from: undefined } };
  if (way.kind === 'flow' && !isSecure(way.flow)) return { ...plan, way: { kind: 'none' }, lostStatus: 480 };
  return plan;
}
