import { escapeUser } from '../message/aor.ts';
import { Params } from '../message/params.ts';
import { percentDecode, unquote } from '../message/text.ts';
import { SipUri } from '../message/uri.ts';
import type { Binding } from './binding.ts';

/** RFC 5626 §4.1: the instance of a phone is a URN, `"<urn:uuid:…>"` as its Contact has it. */
const URN = /^<(urn:[\x21-\x7e]{1,250})>$/i;
/** RFC 3261 §25.1 `pvalue`: what stands in a URI parameter unescaped. */
const NO_PARAMETER_CHARACTER = /[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g;

/**
 * The public GRUU of a phone: the user's AoR with the phone's instance (RFC 5627 §3.1.1, §A.1), so nothing need be kept
 * of it; with the scheme of its Contact (RFC 5630 §5.2.1). Undefined when the phone has no instance, or one that is no URN.
 */
export function publicGruu({
  aor,
  instance,
  contact,
}: Pick<Binding, 'aor' | 'instance' | 'contact'>): SipUri | undefined {
  const urn = instance === undefined ? undefined : URN.exec(unquote(instance))?.[1];
  if (urn === undefined) return undefined;
  const scheme = /^sips:/i.test(contact) ? 'sips' : 'sip';
  const value = urn.replace(NO_PARAMETER_CHARACTER, escapeCharacter);
  const host = aor.slice(aor.lastIndexOf('@') + 1);
  return new SipUri({ scheme, user: escapeUser(aor), host, params: new Params(['gr', value]) });
}

/** The URN of the instance that a URI's `gr` names, in lower case; undefined when it names none. */
export function instanceOf({ params }: SipUri): string | undefined {
  const value = params.get('gr');
  const urn = value === undefined || value === true ? undefined : percentDecode(value);
  return urn !== undefined && /^urn:/i.test(urn) ? urn.toLowerCase() : undefined;
}

/** Whether a phone's +sip.instance is that URN: in URIs, and in the NID of a URN, case does not count. */
export function isInstance(instance: string | undefined, urn: string): boolean {
  return instance !== undefined && unquote(instance).toLowerCase() === `<${urn}>`;
}

function escapeCharacter(char: string): string {
  return `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
}
