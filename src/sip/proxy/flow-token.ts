import type { Address } from '../../base/index.ts';
import { equalSecrets, KeyedHash } from '../auth/keyed-hash.ts';
import type { Binding } from '../registrar/binding.ts';
import type { TransportName } from '../transport/flow.ts';

/** How the phone on one side of a dialog is reached. */
export type TokenTarget =
  /** At the remote target the dialog itself names in its Request-URIs. */
  | { readonly kind: 'contact' }
  /** Over this flow, or a newer flow of the same binding. */
  | ({ readonly kind: 'flow' } & FlowReference);

export interface FlowReference {
  readonly transport: TransportName;
  readonly remote: Address;
  /** Port of our own end. */
  readonly localPort: number;
  /** The binding the flow belongs to; undefined when the phone is not registered here. */
  readonly binding: BindingReference | undefined;
}

export interface BindingReference {
  readonly aor: string;
  /** See `bindingKey`. */
  readonly key: string;
}

export const CONTACT_TOKEN: TokenTarget = { kind: 'contact' };

/** Characters of a tag, 6 bits each: one guess at a dialog's tag costs a request. */
const CONTACT_TAG_LENGTH = 12;
const FLOW_TAG_LENGTH = 16;
const CONTACT_PREFIX = 'c-';
const FLOW_PREFIX = 'f-';

/**
 * The user parts of our Record-Routes towards phones (RFC 5626 §5.2): each names the way to a phone and is bound by a
 * keyed hash to the Call-ID of its dialog, so that nobody can relay through us with a token made up or taken from
 * another call. The key outlives a restart, and so do the dialogs.
 */
export class FlowTokens {
  readonly #hash: KeyedHash;

  constructor(options: { key: Uint8Array }) {
    this.#hash = new KeyedHash(options.key);
  }

  mint(target: TokenTarget, callId: string): string {
    if (target.kind === 'contact') return CONTACT_PREFIX + this.#hash.tag(`c ${callId}`, CONTACT_TAG_LENGTH);
    const payload = Buffer.from(encode(target)).toString('base64url');
    return `${FLOW_PREFIX}${payload}.${this.#hash.tag(`f ${payload} ${callId}`, FLOW_TAG_LENGTH)}`;
  }

  /** What a token names, if we made it for this dialog. */
  read(token: string, callId: string): TokenTarget | undefined {
    if (token.startsWith(CONTACT_PREFIX)) {
      return equalSecrets(token, this.mint(CONTACT_TOKEN, callId)) ? CONTACT_TOKEN : undefined;
    }
    if (!token.startsWith(FLOW_PREFIX)) return undefined;
    const dot = token.indexOf('.', FLOW_PREFIX.length);
    const payload = token.slice(FLOW_PREFIX.length, dot);
    if (!equalSecrets(token.slice(dot + 1), this.#hash.tag(`f ${payload} ${callId}`, FLOW_TAG_LENGTH)))
      return undefined;
    return { kind: 'flow', ...decode(Buffer.from(payload, 'base64url').toString()) };
  }
}

/** Names a binding among those of its AoR, also after a refresh: the phone's instance, else its Contact. */
export function bindingKey({ instance, contact }: Pick<Binding, 'instance' | 'contact'>): string {
  return instance ?? contact;
}

export function referenceOf(binding: Binding): FlowReference {
  const { transport, source, local, aor } = binding;
  return { transport, remote: source, localPort: local.port, binding: { aor, key: bindingKey(binding) } };
}

const NEWLINE = '\n';

function encode({ transport, remote, localPort, binding }: FlowReference): string {
  const fields = [transport, remote.host, remote.port, localPort];
  return (binding === undefined ? fields : [...fields, binding.aor, binding.key]).join(NEWLINE);
}

/** Undoes `encode`; the text is known to be ours. */
function decode(text: string): FlowReference {
  const [transport, host, port, localPort, aor, key] = text.split(NEWLINE);
  return {
    transport: transport as TransportName,
    remote: { host: host!, port: Number(port) },
    localPort: Number(localPort),
    binding: aor === undefined ? undefined : { aor, key: key! },
  };
}
