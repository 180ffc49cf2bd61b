import type { KeyValueStore, Write } from '../../base/index.ts';
import { fromUtf8 } from '../../base/index.ts';
import type { Binding } from '../../sip/registrar/binding.ts';
import { encodeBindings } from '../../sip/registrar/binding-codec.ts';
import { BINDING_PREFIX } from '../../sip/registrar/binding-store.ts';

/**
 * Schema 3: bindings are lines of text; version 2 had them as JSON, whose writing cost a refresh of a phone more than
 * reading its REGISTER. What cannot be read is left as it is; whoever loads the bindings drops it and says so.
 */
export function* bindingsV2ToV3(store: KeyValueStore): Iterable<Write> {
  for (const [key, bytes] of store.entries(BINDING_PREFIX)) {
    const bindings = read(bytes);
    if (bindings !== undefined) yield { key, value: encodeBindings(bindings) };
  }
}

function read(bytes: Uint8Array): Binding[] | undefined {
  try {
    const bindings: unknown = JSON.parse(fromUtf8(bytes));
    return Array.isArray(bindings) && bindings.every(isBinding) ? bindings : undefined;
  } catch {
    return undefined;
  }
}

/** What version 2 asked of a binding when it read one. */
function isBinding(value: Partial<Binding> | null): boolean {
  return typeof value?.contact === 'string' && Number.isFinite(value.expiresAt);
}
