/** What clients and servers of RFC 6940 §11 have agreed on. */

/** RFC 6940 §11.2, in the framework of RFC 5785. */
export const WELL_KNOWN_PATH = '/.well-known/reload-config';

/** RFC 6940 §11.1 and §14.17: a configuration document. */
export const OVERLAY_XML = 'application/p2p-overlay+xml';

/** RFC 6940 §11.3: a certification request, and the certificate. */
export const PKCS10 = 'application/pkcs10';
export const PKIX_CERT = 'application/pkix-cert';
