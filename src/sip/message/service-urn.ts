import type { SipUri } from './uri.ts';

const SOS = /^service:sos(?:\.|$)/i;

/** Whether a URI asks for help in an emergency, of whatever kind (RFC 5031 §4.2). */
export function isEmergencyUrn({ scheme, opaque }: SipUri): boolean {
  return scheme === 'urn' && opaque !== undefined && SOS.test(opaque);
}
