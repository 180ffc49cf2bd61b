/** RFC 6940 §11.1. */
export const BASE_NAMESPACE = 'urn:ietf:params:xml:ns:p2p:config-base';
export const CHORD_NAMESPACE = 'urn:ietf:params:xml:ns:p2p:config-chord';

/** RFC 7904 §3.4. */
export const SIP_NAMESPACE = 'urn:ietf:params:xml:ns:p2p:config-base:sip';

/** Our own elements: `revoked-user` (requirement T16), `multicast-bootstrap` (T1). */
export const PRIVATE_NAMESPACE = 'urn:p2psip-gateway:config-1';
