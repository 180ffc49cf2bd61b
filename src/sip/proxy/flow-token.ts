import { createCipheriv, hash } from 'node:crypto';
import type { Address } from '../../base/index.ts';
import { equalSecrets, KeyedHash } from '../auth/keyed-hash.ts';
import { detach } from '../message/detach.ts';
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

/** What one Record-Route names that serves both sides of a dialog. */
export interface BothSides {
  readonly caller: TokenTarget;
  readonly callee: TokenTarget;
  /** From tag of the request that set the dialog up: in it, only the caller's requests have it as theirs. */
  readonly callerTag: string;
}

/** Characters of a tag, 6 bits each: one guess at a dialog's tag costs a request. */
const CONTACT_TAG_LENGTH = 12;
const FLOW_TAG_LENGTH = 16;
/** So many calls' tokens are remembered, and up to twice as many: making one again takes two hashes. */
const RECENT_CALLS = 1024;
/** Characters of a Call-ID that is remembered: anybody may send a longer one, up to a whole head. */
const MAX_REMEMBERED_LENGTH = 256;
const CONTACT_PREFIX = 'c-';
const FLOW_PREFIX = 'f-';
const BOTH_PREFIX = 'b-';

/**
 * The user parts of our Record-Routes towards phones (RFC 5626 §5.2): each names the way to a phone, or to both phones
 * of a call within one peer, and is bound by a keyed hash to the Call-ID of its dialog, so that nobody can relay
 * through us with a token made up or taken from another call. The key outlives a restart, and so do the dialogs.
 * What a token names is encrypted: the other phone is not to read in it whose flow it is (RFC 5627 §10.3). The keyed hash
 * of the text is the initial counter, so that no two texts share one (as in SIV, RFC 5297).
 */
export class FlowTokens {
  readonly #hash: KeyedHash;
  readonly #cipherKey: Buffer;
  /** Tokens by Call-ID: the ACK carries what its INVITE was given, and so does the BYE of a short call. */
  #recent = new Map<string, string>();
  /** Those before. */
  #older: ReadonlyMap<string, string> = new Map();

  constructor(options: { key: Uint8Array }) {
    this.#hash = new KeyedHash(options.key);
    const key = Buffer.from(options.key).toString('hex');
    this.#cipherKey = Buffer.from(hash('sha256', `flow token cipher ${key}`), 'hex');
  }

  /** A token for one side. */
  mint(target: TokenTarget, callId: string): string {
    if (target.kind === 'contact') return this.#mintContact(callId);
    return this.#sealed(FLOW_PREFIX, encode(target), callId);
  }

  /** A token for both sides. */
  mintBoth({ caller, callee, callerTag }: BothSides, callId: string): string {
    if (caller.kind === 'contact' && callee.kind === 'contact') return this.#mintContact(callId);
    return this.#sealed(BOTH_PREFIX, [callerTag, encode(caller), encode(callee)].join(SECTION), callId);
  }

  /**
   * What a token names, if we made it for this dialog.
   * @param fromTag of the request that carries it
   */
  read(token: string, callId: string, fromTag: string | undefined): TokenTarget | undefined {
    if (token.startsWith(CONTACT_PREFIX)) {
      return equalSecrets(token, this.#contactToken(callId)) ? CONTACT_TOKEN : undefined;
    }
    const flow = this.#unsealed(FLOW_PREFIX, token, callId);
    if (flow !== undefined) return decode(flow);
    const both = this.#unsealed(BOTH_PREFIX, token, callId);
    if (both === undefined) return undefined;
    const [callerTag, caller, callee] = both.split(SECTION);
    return decode((fromTag === callerTag ? callee : caller)!);
  }

  /** Only what is given out is remembered, so that nobody fills the memory by asking after tokens he made up. */
  #mintContact(callId: string): string {
    const token = this.#contactToken(callId);
    if (callId.length > MAX_REMEMBERED_LENGTH) return token;
    if (this.#recent.size >= RECENT_CALLS) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(detach(callId), token);
    return token;
  }

  #contactToken(callId: string): string {
    const known = this.#recent.get(callId) ?? this.#older.get(callId);
    return known ?? CONTACT_PREFIX + this.#hash.tag(`c ${callId}`, CONTACT_TAG_LENGTH);
  }

  #sealed(prefix: string, text: string, callId: string): string {
    const tag = this.#tagOf(prefix, text, callId);
    const payload = this.#crypt(Buffer.from(text), tag).toString('base64url');
    return `${prefix}${payload}.${tag}`;
  }

  #unsealed(prefix: string, token: string, callId: string): string | undefined {
    if (!token.startsWith(prefix)) return undefined;
    const dot = token.indexOf('.');
    const tag = token.slice(dot + 1);
    if (dot < 0 || tag.length !== FLOW_TAG_LENGTH) return undefined;
    const text = this.#crypt(Buffer.from(token.slice(prefix.length, dot), 'base64url'), tag).toString();
    return equalSecrets(tag, this.#tagOf(prefix, text, callId)) ? text : undefined;
  }

  #tagOf(prefix: string, text: string, callId: string): string {
    return this.#hash.tag(`${prefix}${text} ${callId}`, FLOW_TAG_LENGTH);
  }

  /** There and back again. */
  #crypt(bytes: Uint8Array, tag: string): Buffer {
    return createCipheriv('aes-256-ctr', this.#cipherKey, Buffer.from(tag, 'latin1')).update(bytes);
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

/** Neither stands in header text, so no field can hold one. */
const FIELD = '\n';
const SECTION = '\n\n';

function encode(target: TokenTarget): string {
  if (target.kind === 'contact') return '';
  const { transport, remote, localPort, binding } = target;
  const fields = [transport, remote.host, remote.port, localPort];
  return (binding === undefined ? fields : [...fields, binding.aor, binding.key]).join(FIELD);
}

/** Undoes `encode`; the text is known to be ours. */
function decode(text: string): TokenTarget {
  if (text === '') return CONTACT_TOKEN;
  const [transport, host, port, localPort, aor, key] = text.split(FIELD);
  return {
    kind: 'flow',
    transport: transport as TransportName,
    remote: { host: host!, port: Number(port) },
    localPort: Number(localPort),
    binding: aor === undefined ? undefined : { aor, key: key! },
  };
}
