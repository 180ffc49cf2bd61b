import { X509Certificate } from 'node:crypto';
import { type Clock, CodedError } from '../../base/index.ts';
import type { Certificate, CertificateErrorCode } from './certificate.ts';
import { importPublicKey } from './certificate.ts';
import type { TrustPolicy } from './trust-policy.ts';

export interface ChainTrustOptions {
  /** Overlay name. */
  readonly overlay: string;
  /** The root-cert elements of the document, DER. */
  readonly roots: readonly Uint8Array[];
}

/** RFC 6940 §§11.1, 11.3: certificates that were issued by one of the overlay's root certificates. */
export class ChainTrust implements TrustPolicy {
  readonly #clock: Clock;
  readonly #overlay: string;
  readonly #roots: readonly X509Certificate[];

  /** @throws CodedError 'root-certificate-unusable' */
  constructor({ clock }: { readonly clock: Clock }, { overlay, roots }: ChainTrustOptions) {
    this.#clock = clock;
    this.#overlay = overlay.toLowerCase();
    this.#roots = roots.map(readRootCertificate);
  }

  check({ der, nodes, nodeIds }: Certificate): void {
    const foreign = nodes.find(({ overlay }) => overlay !== this.#overlay);
    if (foreign !== undefined) {
      refuse('certificate-foreign', `certificate of ${foreign.nodeId} is for overlay ${foreign.overlay}`);
    }
    const leaf = new X509Certificate(der);
    // §11.1: a root-cert is "used to sign all certificates in this overlay": no intermediate ones.
    const root = this.#roots.find((issuer) => leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey));
    if (root === undefined) {
      refuse(
        'certificate-untrusted',
        `certificate of ${nodeIds[0]} was issued by no root-cert of the overlay`,
      );
    }
    const now = this.#clock.now();
    if (now < Date.parse(root.validFrom) || now > Date.parse(root.validTo)) {
      refuse(
        'certificate-untrusted',
        `the root-cert that issued the certificate of ${nodeIds[0]} is not valid now`,
      );
    }
  }
}

/** @throws CodedError 'root-certificate-unusable' */
export function readRootCertificate(der: Uint8Array): X509Certificate {
  let root: X509Certificate;
  try {
    root = new X509Certificate(der);
    importPublicKey(root.publicKey.export({ type: 'spki', format: 'der' }));
  } catch (cause) {
    throw new CodedError('root-certificate-unusable', 'a root-cert is no usable X.509 certificate', {
      cause,
    });
  }
  if (!root.ca)
    throw new CodedError('root-certificate-unusable', 'a root-cert is not the certificate of a CA');
  return root;
}

function refuse(code: CertificateErrorCode, message: string): never {
  throw new CodedError(code, message, { origin: 'remote' });
}
