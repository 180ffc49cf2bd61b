import { CodedError } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import { isDirect, isReachedByFlow } from '../registrar/flow-choice.ts';
import type { Flow } from '../transport/flow.ts';
import type { FlowFinder } from './flow-finder.ts';
import { bindingKey, CONTACT_TOKEN, type TokenTarget } from './flow-token.ts';
import type { GruuDirectory } from './ports.ts';

/** RFC 3261 §12.1, RFC 6665, RFC 3515: methods that may set up a dialog. */
const DIALOG_FORMING = new Set(['INVITE', 'SUBSCRIBE', 'REFER']);

/** Whether a request outside dialogs asks for one. */
export function formsDialog({ method, toTag }: SipRequest): boolean {
  return toTag === undefined && DIALOG_FORMING.has(method);
}

/**
 * How the sender of a dialog-forming request will be reached: at his Contact, or over the flow the request came on; by
 * the same rule that the registrar follows.
 */
export function callerTarget(
  request: SipRequest,
  flow: Flow,
  deps: { flows: FlowFinder; gruus: GruuDirectory | undefined; fromAor: () => string | undefined },
): TokenTarget {
  if (flow.peer !== undefined) return CONTACT_TOKEN;
  const contact = contactOf(request);
  // Without a usable Contact there is but the flow to go back by.
  if (contact !== undefined && !isReachedByFlow(request, flow, contact, contact.params.has('ob'))) {
    // The GRUU of a phone that is registered at another peer, but calls through this one.
    const isLedAround = deps.gruus?.place(contact)?.kind === 'elsewhere' && isDirect(request);
    if (!isLedAround) return CONTACT_TOKEN;
  }
  const aor = deps.fromAor();
  const binding = aor === undefined ? undefined : deps.flows.bindingOn(flow, aor);
  return {
    kind: 'flow',
    transport: flow.transport,
    remote: flow.remote,
    localPort: flow.local.port,
    binding: binding === undefined ? undefined : { aor: binding.aor, key: bindingKey(binding) },
  };
}

function contactOf(request: SipRequest) {
  try {
    const { contacts } = request;
    return contacts === '*' ? undefined : contacts[0]?.uri;
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}
