import { type Clock, CodedError } from '../../base/index.ts';
import type { Certificate } from '../security/certificate.ts';
import { ChainTrust } from '../security/chain-trust.ts';
import { type Admission, SelfSignedTrust, type TrustPolicy } from '../security/trust-policy.ts';
import type { NodeId } from '../wire/ids.ts';
import type { OverlayDocument } from './overlay-document.ts';

/**
 * Whose certificates a document welcomes (RFC 6940 §11.1): self-signed ones, those that chain to a root-cert, or both;
 * none of a bad-node or a revoked user.
 * @param admission who may take part with a self-signed certificate
 */
export function trustOfDocument(
  { clock }: { readonly clock: Clock },
  document: OverlayDocument,
  admission: Admission = { kind: 'open' },
): TrustPolicy {
  const { name: overlay, selfSignedPermitted, rootCertificates } = document;
  const policies: TrustPolicy[] = [];
  if (rootCertificates.length > 0) {
    policies.push(new ChainTrust({ clock }, { overlay, roots: rootCertificates }));
  }
  if (selfSignedPermitted !== undefined) {
    policies.push(new SelfSignedTrust({ overlay, digest: selfSignedPermitted.digest, admission }));
  }
  return new DocumentTrust(document, policies);
}

class DocumentTrust implements TrustPolicy {
  readonly #document: OverlayDocument;
  readonly #policies: readonly TrustPolicy[];

  constructor(document: OverlayDocument, policies: readonly TrustPolicy[]) {
    this.#document = document;
    this.#policies = policies;
  }

  check(certificate: Certificate): void {
    const revocation = revocationOf(this.#document, certificate);
    if (revocation !== undefined) {
      throw new CodedError('certificate-revoked', revocation, { origin: 'remote' });
    }
    let refusal: unknown = new CodedError('certificate-untrusted', 'the document trusts no certificate');
    for (const policy of this.#policies) {
      try {
        policy.check(certificate);
        return;
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal;
  }
}

/** What a revocation is about: who a certificate is for, and since when. */
interface Revocable {
  readonly nodes: readonly { readonly nodeId: NodeId }[];
  readonly userNames: readonly string[];
  /** ms */
  readonly notBefore: number;
}

/** Why a document takes a certificate back that was valid once; undefined when it does not. */
export function revocationOf(
  { badNodes, revokedUsers }: Pick<OverlayDocument, 'badNodes' | 'revokedUsers'>,
  { nodes, userNames, notBefore }: Revocable,
): string | undefined {
  // "the certificate with this Node-ID MUST NOT be considered valid"
  const bad = nodes.find(({ nodeId }) => badNodes.has(nodeId));
  if (bad !== undefined) return `Node-ID ${bad.nodeId} is a bad-node`;
  const name = userNames.find((user) => notBefore < (revokedUsers.get(user) ?? notBefore));
  return name === undefined ? undefined : `the certificate of ${name} was revoked`;
}
