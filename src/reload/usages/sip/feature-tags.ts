/** RFC 3840 §9: tags that appear in Contact without "+" and without their leading "sip.". */
const SIP_BASE_TAGS: ReadonlySet<string> = new Set([
  'audio',
  'automata',
  'class',
  'duplex',
  'data',
  'control',
  'mobility',
  'description',
  'events',
  'priority',
  'methods',
  'extensions',
  'schemes',
  'application',
  'video',
  'isfocus',
  'actor',
  'text',
]);

/** Base tags of the IETF tree: no "sip." was ever there. */
const IETF_BASE_TAGS: ReadonlySet<string> = new Set(['language', 'type']);

/** They have the form of feature tags but name one device (RFC 5626, RFC 5627): not for the overlay. */
const DEVICE_PARAMS: ReadonlySet<string> = new Set(['+sip.instance', '+sip.pub-gruu', '+sip.temp-gruu']);

const OTHER_TAG = /^\+[a-z][a-z0-9!'.%-]*$/;

/** The feature tag of a Contact parameter (RFC 3840 §5); undefined for a parameter that is none. */
export function tagOfParam(param: string): string | undefined {
  const name = param.toLowerCase();
  if (SIP_BASE_TAGS.has(name)) return `sip.${name}`;
  if (IETF_BASE_TAGS.has(name)) return name;
  if (DEVICE_PARAMS.has(name) || !OTHER_TAG.test(name)) return undefined;
  return name.slice(1).replaceAll("'", '/').replaceAll('!', ':');
}

/** The Contact parameter that carries a feature tag. */
export function paramOfTag(tag: string): string {
  const name = tag.toLowerCase();
  if (IETF_BASE_TAGS.has(name)) return name;
  if (name.startsWith('sip.') && SIP_BASE_TAGS.has(name.slice(4))) return name.slice(4);
  return `+${name.replaceAll('/', "'").replaceAll(':', '!')}`;
}
