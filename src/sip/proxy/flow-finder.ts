import { sameAddress } from '../../base/index.ts';
import type { Binding } from '../registrar/binding.ts';
import type { Flow } from '../transport/flow.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import { bindingKey, type FlowReference } from './flow-token.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { BindingSource } from './ports.ts';

/** Finds the live flow of a binding or of a token. */
export class FlowFinder {
  readonly #transport: Pick<SipTransport, 'flowToSync'>;
  readonly #own: OwnAddresses;
  readonly #bindings: BindingSource;

  constructor(deps: {
    transport: Pick<SipTransport, 'flowToSync'>;
    own: OwnAddresses;
    bindings: BindingSource;
  }) {
    this.#transport = deps.transport;
    this.#own = deps.own;
    this.#bindings = deps.bindings;
  }

  /** The flow a binding was registered over; undefined when its connection is gone. */
  ofBinding({ flow, transport, source, local }: Binding): Flow | undefined {
    if (flow?.open) return flow;
    return this.#standing({ transport, remote: source, localPort: local.port });
  }

  /**
   * The flow a token names, while the phone is registered over it; then the newest of its phone's other flows that
   * stands, for it may have come back over another (RFC 5626 §5.3.1); else the very flow.
   */
  ofReference(reference: FlowReference): Flow | undefined {
    for (const binding of this.#bindingsOf(reference)) {
      const flow = this.ofBinding(binding);
      if (flow !== undefined) return flow;
    }
    return this.#standing(reference);
  }

  /** The binding whose phone sent a request over this flow, among those of one AoR. */
  bindingOn(flow: Flow, aor: string): Binding | undefined {
    return this.#bindings
      .bindings(aor)
      .find(({ transport, source }) => transport === flow.transport && sameAddress(source, flow.remote));
  }

  /** The bindings of one phone: that of the flow itself first, then the newest. */
  #bindingsOf({ binding, transport, remote }: FlowReference): readonly Binding[] {
    if (binding === undefined) return [];
    const { aor, key } = binding;
    const bindings = this.#bindings.bindings(aor).filter((candidate) => bindingKey(candidate) === key);
    if (bindings.length < 2) return bindings;
    const rank = (candidate: Binding) =>
      candidate.transport === transport && sameAddress(candidate.source, remote)
        ? Number.MAX_VALUE
        : candidate.updatedAt;
    // Of equal age the one stored later.
    return bindings.reverse().sort((a, b) => rank(b) - rank(a));
  }

  #standing({ transport, remote, localPort }: Omit<FlowReference, 'binding'>): Flow | undefined {
    const from = this.#own.listenerAt(transport, localPort, remote.host);
    const target = { transport, address: remote };
    return this.#transport.flowToSync(from === undefined ? target : { ...target, from });
  }
}
