import { utf8 } from '../../base/index.ts';
import { ID_LENGTH } from '../wire/ids.ts';
import { CHORD_NAMESPACE, PRIVATE_NAMESPACE, SIP_NAMESPACE } from './namespaces.ts';
import type { OverlayDocument } from './overlay-document.ts';
import { shown, unsupported } from './values.ts';

export const CHORD_RELOAD = 'CHORD-RELOAD';

const EXTENSIONS: readonly string[] = [CHORD_NAMESPACE, SIP_NAMESPACE, PRIVATE_NAMESPACE];

/** "TLS" stands for TLS and DTLS (RFC 6940 §11.1); with no-ice it means their No-ICE forms (§6.6.1). */
const LINK_PROTOCOLS: readonly string[] = ['TLS', 'TLS-TCP-FH-NO-ICE'];

/**
 * RFC 6940 §11.1: "If a node is not capable of supporting the new requirements, it MUST exit the overlay."
 * @param topologies names of the topology plug-ins at hand
 * @throws DocumentError 'document-unsupported' that names the demand
 */
export function requireSupported(
  document: OverlayDocument,
  topologies: { has(name: string): boolean },
): void {
  if (!topologies.has(document.topologyPlugin)) {
    unsupported(`topology-plugin ${shown(document.topologyPlugin)} is unknown here`);
  }
  if (document.nodeIdLength !== ID_LENGTH) {
    unsupported(
      `node-id-length is ${document.nodeIdLength}; ${document.topologyPlugin} works on ${8 * ID_LENGTH} bits, ` +
        `which is ${ID_LENGTH}`,
    );
  }
  // "the name of an XML namespace that a node joining the overlay MUST support"; names are case-sensitive.
  const unknown = document.mandatoryExtensions.find((namespace) => !EXTENSIONS.includes(namespace));
  if (unknown !== undefined) unsupported(`mandatory-extension ${shown(unknown)} is unknown here`);
  if (document.unsupportedKinds[0] !== undefined) unsupported(document.unsupportedKinds[0]);
  if (!document.noIce) unsupported('no-ice is not true, and ICE is not implemented');
  if (!document.linkProtocols.some((name) => LINK_PROTOCOLS.includes(name))) {
    unsupported(`overlay-link-protocol ${document.linkProtocols.map(shown).join(', ')} is not implemented`);
  }
  if (document.sharedSecret !== undefined) requireUsableSecret(document.sharedSecret);
  if (document.selfSignedPermitted === undefined && document.rootCertificates.length === 0) {
    unsupported('it permits no self-signed certificates and names no root-cert: nobody could take part');
  }
}

/** What OpenSSL takes as a preshared key, bytes. */
const MAX_SECRET_BYTES = 256;

/** §11.1, §13.4: links are keyed with the text of the element. */
function requireUsableSecret(secret: string): void {
  const { length } = utf8(secret);
  if (length === 0) unsupported('shared-secret is empty');
  if (length > MAX_SECRET_BYTES)
    unsupported(`shared-secret has ${length} bytes, the most is ${MAX_SECRET_BYTES}`);
}
