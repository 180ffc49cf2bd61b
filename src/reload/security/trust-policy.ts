import { CodedError } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Certificate, CertificateErrorCode } from './certificate.ts';
import { type NodeIdDigest, nodeIdOfKey } from './node-id.ts';

/** Which certificates an overlay takes, validity periods aside: `CertificateStore` checks those each time. */
export interface TrustPolicy {
  /** @throws CodedError with a CertificateErrorCode when the certificate is not welcome */
  check(certificate: Certificate): void;
}

/**
 * Who may take part in a self-signed overlay.
 * - `open`: everybody, which has to be said on purpose
 * - `loopback`: everybody who reaches us, while we listen on loopback only
 * - `shared-secret`: everybody who knows it, since links are keyed with it (§13.4)
 * - `allow`: these Node-IDs (and ourselves, if listed)
 */
export type Admission =
  | { readonly kind: 'open' }
  | { readonly kind: 'loopback' }
  | { readonly kind: 'shared-secret' }
  | { readonly kind: 'allow'; readonly nodeIds: ReadonlySet<NodeId> };

export interface SelfSignedTrustOptions {
  /** Overlay name. */
  readonly overlay: string;
  readonly digest: NodeIdDigest;
  readonly admission: Admission;
  /** RFC 6940 §11.1: bad-node, never valid. */
  readonly badNodes?: ReadonlySet<NodeId>;
}

/** RFC 6940 §11.3.1: certificates that prove themselves, because the Node-ID is a digest of the key. */
export class SelfSignedTrust implements TrustPolicy {
  readonly #overlay: string;
  readonly #digest: NodeIdDigest;
  readonly #admission: Admission;
  readonly #badNodes: ReadonlySet<NodeId>;

  constructor({ overlay, digest, admission, badNodes = new Set() }: SelfSignedTrustOptions) {
    this.#overlay = overlay.toLowerCase();
    this.#digest = digest;
    this.#admission = admission;
    this.#badNodes = badNodes;
  }

  check(certificate: Certificate): void {
    const { nodes, nodeIds } = certificate;
    const foreign = nodes.find(({ overlay }) => overlay !== this.#overlay);
    if (foreign !== undefined) {
      refuse('certificate-foreign', `certificate of ${foreign.nodeId} is for overlay ${foreign.overlay}`);
    }
    // "nodes MUST check that the Node-ID and public keys match. This prevents Node-ID theft."
    const { spki } = certificate;
    const several = nodeIds.length > 1;
    nodeIds.forEach((nodeId, i) => {
      if (nodeId !== nodeIdOfKey(spki, this.#digest, several ? i + 1 : undefined)) {
        refuse('certificate-node-id-mismatch', `Node-ID ${nodeId} is not the ${this.#digest} of its key`);
      }
      if (!this.#welcomes(nodeId)) refuse('certificate-not-allowed', `Node-ID ${nodeId} is not allowed here`);
    });
    if (!certificate.isSignedBy(certificate.publicKey)) {
      refuse('certificate-untrusted', `certificate of ${nodeIds[0]} is not signed with its own key`);
    }
  }

  #welcomes(nodeId: NodeId): boolean {
    if (this.#badNodes.has(nodeId)) return false;
    return this.#admission.kind !== 'allow' || this.#admission.nodeIds.has(nodeId);
  }
}

function refuse(code: CertificateErrorCode, message: string): never {
  throw new CodedError(code, message, { origin: 'remote' });
}
