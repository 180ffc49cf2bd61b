import { CodedError } from '../../base/index.ts';
import type { SipUri } from '../message/uri.ts';
import { literalTarget } from '../resolve/resolve-target.ts';
import type { Flow } from '../transport/flow.ts';
import type { Way } from './branch-plan.ts';
import type { BranchServices } from './branch-services.ts';

/**
 * The flow of a request that tries one address only; at once where it stands, or nothing need be asked.
 * @returns undefined when there is no way
 * @throws CodedError when the URI cannot be resolved, or the flow not be opened; the promise likewise
 */
export function openWay(way: Way, services: BranchServices): Flow | undefined | Promise<Flow> {
  const { peers, transport } = services;
  switch (way.kind) {
    case 'flow':
      return way.flow;
    case 'none':
      return undefined;
    case 'peer': {
      const standing = peers.cached(way.peer);
      return standing?.open ? standing : peers.connect(way.peer, new AbortController().signal);
    }
    case 'uri': {
      const literal = literalTarget(way.uri);
      if (literal === undefined) return resolved(way.uri, services);
      return transport.flowToSync(literal) ?? transport.flowTo(literal);
    }
  }
}

async function resolved(uri: SipUri, { resolver, transport }: BranchServices): Promise<Flow> {
  const [first] = await resolver.resolve(uri);
  if (first === undefined) throw new CodedError('unresolvable', `no address for ${uri.host}`);
  return transport.flowTo(first);
}
