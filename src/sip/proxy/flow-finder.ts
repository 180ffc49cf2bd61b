import { sameAddress } from '../../base/index.ts';
import type { Binding } from '../registrar/binding.ts';
import type { Flow } from '../transport/flow.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import { bindingKey, type FlowReference } from './flow-token.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { BindingSource } from './ports.ts';

/** Finds the live flow of a binding or of a token. */
export class FlowFinder {
  readonly #transport: SipTransport;
  readonly #own: OwnAddresses;
  readonly #bindings: BindingSource;

  constructor(deps: { transport: SipTransport; own: OwnAddresses; bindings: BindingSource }) {
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
   * The flow a token names: the newest one of the same binding, for the phone may have come back over another (RFC 5626
   * §5.3.1), else the very flow.
   */
  ofReference(reference: FlowReference): Flow | undefined {
    const binding = reference.binding === undefined ? undefined : this.#newest(reference.binding);
    return (binding === undefined ? undefined : this.ofBinding(binding)) ?? this.#standing(reference);
  }

  /** The binding whose phone sent a request over this flow, among those of one AoR. */
  bindingOn(flow: Flow, aor: string): Binding | undefined {
    return this.#bindings
      .bindings(aor)
      .find(({ transport, source }) => transport === flow.transport && sameAddress(source, flow.remote));
  }

  #newest({ aor, key }: { aor: string; key: string }): Binding | undefined {
    let newest: Binding | undefined;
    for (const binding of this.#bindings.bindings(aor)) {
      if (bindingKey(binding) !== key) continue;
      if (newest === undefined || binding.updatedAt >= newest.updatedAt) newest = binding;
    }
    return newest;
  }

  #standing({ transport, remote, localPort }: Omit<FlowReference, 'binding'>): Flow | undefined {
    const from = this.#own.listenerAt(transport, localPort, remote.host);
    const target = { transport, address: remote };
    return this.#transport.flowToSync(from === undefined ? target : { ...target, from });
  }
}
