import type { Binding } from '../registrar/binding.ts';
import type { Target } from './ports.ts';

/** A phone registered here, by the flow to try first. */
export type BindingTarget = Extract<Target, { kind: 'binding' }>;

/**
 * One target for each phone. A phone that keeps several flows (RFC 5626 §4.2) has a binding for each, and is never to
 * get a request over two of them at a time (§7): the flow registered last comes first, the others stand by.
 */
export function targetsOf(bindings: readonly Binding[]): BindingTarget[] {
  const flowsOf = new Map<string, Binding[]>();
  const groups: Binding[][] = [];
  for (const binding of bindings) {
    const { instance, regId } = binding;
    const known = instance === undefined ? undefined : flowsOf.get(instance);
    if (known !== undefined) {
      known.push(binding);
      continue;
    }
    const group = [binding];
    groups.push(group);
    if (instance !== undefined && regId !== undefined) flowsOf.set(instance, group);
  }
  return groups.map(targetOf);
}

function targetOf(flows: Binding[]): BindingTarget {
  if (flows.length > 1) flows.sort((a, b) => b.updatedAt - a.updatedAt);
  const [binding, ...alternatives] = flows;
  return alternatives.length === 0
    ? { kind: 'binding', binding: binding! }
    : { kind: 'binding', binding: binding!, alternatives };
}
