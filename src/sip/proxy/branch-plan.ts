import type { SipRequest } from '../message/request.ts';
import { asRequestUri, parseUri, type SipUri } from '../message/uri.ts';
import type { Binding } from '../registrar/binding.ts';
import type { BoundListener, Flow, TransportName } from '../transport/flow.ts';
import { stripIdentities, withholdPrivateIdentity } from './asserted-identity.ts';
import type { BindingTarget } from './binding-targets.ts';
import type { FlowFinder } from './flow-finder.ts';
import { CONTACT_TOKEN, referenceOf, type TokenTarget } from './flow-token.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { GruuDirectory, GruuPlace, Target } from './ports.ts';
import { nextHopUri, type RouteReading } from './route-reader.ts';
import { asSip, isSips, mayReach, secured } from './sips.ts';

/** How a copy of the request leaves us. */
export type Way =
  | { readonly kind: 'flow'; readonly flow: Flow }
  | { readonly kind: 'peer'; readonly peer: string }
  /** By RFC 3263; `from` is the UDP socket the target knows us by. */
  | { readonly kind: 'uri'; readonly uri: SipUri; readonly from: BoundListener | undefined }
  | { readonly kind: 'none' };

/** One copy of a request, ready but for what depends on its flow: Record-Route and Via. */
export interface BranchPlan {
  readonly request: SipRequest;
  readonly way: Way;
  /** How this side of the dialog will be reached later. */
  readonly target: TokenTarget;
  /** What the branch counts as when there is no way, or it breaks. */
  readonly lostStatus: number;
  /** Whether the other end may say who answers (RFC 3325 §5). */
  readonly isTrusted?: boolean | undefined;
}

const NO_WAY: Way = { kind: 'none' };

/** Turns targets, and the Routes of in-dialog requests, into copies of the request with a way each. */
export class BranchPlanner {
  readonly #flows: FlowFinder;
  readonly #own: OwnAddresses;
  readonly #gruus: GruuDirectory | undefined;

  constructor(deps: { flows: FlowFinder; own: OwnAddresses; gruus: GruuDirectory | undefined }) {
    this.#flows = deps.flows;
    this.#own = deps.own;
    this.#gruus = deps.gruus;
  }

  /** @throws SipSyntaxError when a target's URI is malformed */
  ofTarget(request: SipRequest, target: Target): BranchPlan {
    const plan = this.#ofTarget(request.clone(), target);
    return isSips(request.requestUri) ? secured(plan) : plan;
  }

  #ofTarget(copy: SipRequest, target: Target): BranchPlan {
    switch (target.kind) {
      case 'binding':
        withholdPrivateIdentity(copy);
        return this.#ofBinding(copy, target.binding);
      case 'peer':
        copy.setRequestUri(target.uri);
        return {
          request: copy,
          way: { kind: 'peer', peer: target.peer },
          target: CONTACT_TOKEN,
          lostStatus: 480,
        };
      case 'uri': {
        const { isTrusted = false } = target;
        if (!isTrusted) withholdPrivateIdentity(copy);
        if (!mayReach(copy, target.uri)) return { ...lost(copy), isTrusted };
        const isUpgrade = isSips(target.uri) && !isSips(copy.requestUri);
        copy.setRequestUri(isUpgrade ? asSip(target.uri) : target.uri);
        for (const route of [...(target.routes ?? [])].reverse()) copy.prependHeader('Route', route);
        const plan = this.#byUri(copy, { lostStatus: 503, isTrusted });
        return isUpgrade ? secured(plan) : plan;
      }
    }
  }

  /** A request within a dialog, by what its Routes say (RFC 3261 §16.12); 430: RFC 5626 §5.3.1. */
  ofRoutes(request: SipRequest, reading: RouteReading): BranchPlan {
    const plan = this.#ofRoutes(request.clone(), reading);
    return isSips(request.requestUri) ? secured(plan) : plan;
  }

  #ofRoutes(copy: SipRequest, reading: RouteReading): BranchPlan {
    const { nextPeer, hasRoute, target } = reading;
    // Nobody is asked for a password here, so nobody's identity is asserted (RFC 3325 §5).
    stripIdentities(copy);
    if (nextPeer !== undefined) {
      return { request: copy, way: { kind: 'peer', peer: nextPeer }, target: CONTACT_TOKEN, lostStatus: 480 };
    }
    const gruu = this.#gruus?.place(copy.uri);
    if (gruu !== undefined) return this.#ofGruu(copy, gruu, reading);
    if (hasRoute || target?.kind !== 'flow') return this.#byUri(copy, { lostStatus: 503 });
    const way = wayOver(this.#flows.ofReference(target), target.transport, copy.uri);
    return { request: copy, way, target, lostStatus: 430 };
  }

  /**
   * RFC 5627 §6.1: within a dialog too a GRUU is replaced by the Contact of its phone. A Path is left out where there is
   * a Route left, which leads the same way.
   */
  #ofGruu(copy: SipRequest, gruu: GruuPlace, { hasRoute, target }: RouteReading): BranchPlan {
    const [phone] = gruu.kind === 'targets' ? gruu.targets : [];
    if (hasRoute) {
      if (phone?.kind === 'binding') setContact(copy, phone.binding.contact);
      return this.#byUri(copy, { lostStatus: 503 });
    }
    if (phone?.kind === 'binding') return this.#ofBinding(copy, this.#standing(phone));
    if (phone !== undefined) return this.#ofTarget(copy, phone);
    // Not registered here any more. The name of our domain leads to no phone, but its flow may stand.
    const flow = target?.kind === 'flow' ? this.#flows.ofReference(target) : undefined;
    const way: Way = flow === undefined ? NO_WAY : { kind: 'flow', flow };
    return { request: copy, way, target: target ?? CONTACT_TOKEN, lostStatus: 480 };
  }

  /** The first flow of a phone that stands (RFC 5626 §7). */
  #standing({ binding, alternatives = [] }: BindingTarget): Binding {
    const isReachable = (one: Binding) => !one.byFlow || this.#flows.ofBinding(one) !== undefined;
    return [binding, ...alternatives].find(isReachable) ?? binding;
  }

  #ofBinding(copy: SipRequest, binding: Binding): BranchPlan {
    if (!mayReach(copy, binding.contact)) return lost(copy);
    const plan = this.#toContact(copy, binding);
    return isSips(binding.contact) ? secured(plan) : plan;
  }

  #toContact(copy: SipRequest, binding: Binding): BranchPlan {
    setContact(copy, binding.contact);
    // RFC 3327 §5.4: the Path is the Route to the phone.
    if (binding.path.length > 0) copy.setHeader('Route', binding.path.join(', '));
    const { transport, local, source } = binding;
    if (binding.byFlow) {
      const target: TokenTarget = { kind: 'flow', ...referenceOf(binding) };
      const flow = this.#flows.ofBinding(binding);
      // RFC 5626 §7: an outbound registration is worth what its flow is; behind a NAT its Contact leads nowhere.
      const isLost = flow === undefined && binding.regId !== undefined;
      const way = isLost ? NO_WAY : wayOver(flow, transport, parseUri(binding.contact));
      return { request: copy, way, target, lostStatus: 480 };
    }
    const from = transport === 'UDP' ? this.#own.listenerAt('UDP', local.port, source.host) : undefined;
    return this.#byUri(copy, { from, lostStatus: 480 });
  }

  #byUri(
    copy: SipRequest,
    {
      from,
      lostStatus,
      isTrusted,
    }: { from?: BoundListener | undefined; lostStatus: number; isTrusted?: boolean },
  ): BranchPlan {
    const way: Way = { kind: 'uri', uri: nextHopUri(copy), from };
    return { request: copy, way, target: CONTACT_TOKEN, lostStatus, isTrusted };
  }
}

/** RFC 5630 §5.3: the Contact with the scheme of the Request-URI, so that nobody is told of more security than there was. */
function setContact(request: SipRequest, contact: string): void {
  const target = asRequestUri(contact);
  request.setRequestUri(isSips(request.requestUri) ? target : asSip(target));
}

function lost(request: SipRequest): BranchPlan {
  return { request, way: NO_WAY, target: CONTACT_TOKEN, lostStatus: 480 };
}

/** A TCP phone that lost its connection may listen at its Contact; behind a WebSocket nobody does. */
function wayOver(flow: Flow | undefined, transport: TransportName, contact: SipUri): Way {
  if (flow !== undefined) return { kind: 'flow', flow };
  const listens = transport === 'TCP' || transport === 'TLS';
  return listens ? { kind: 'uri', uri: contact, from: undefined } : NO_WAY;
}
