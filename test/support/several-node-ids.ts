import { Certificate } from '../../src/reload/security/certificate.ts';
import { buildSelfSignedCertificate } from '../../src/reload/security/certificate-builder.ts';
import type { Identity } from '../../src/reload/security/identity.ts';
import { nodeIdOfKey } from '../../src/reload/security/node-id.ts';
import { formatNodeUri } from '../../src/reload/security/reload-uri.ts';
import { Signer } from '../../src/reload/security/signature.ts';

/**
 * One certificate with several Node-IDs over the key of an identity (RFC 6940 §11.3), as an identity for each of
 * them; in the order in which the certificate names them.
 */
export function withSeveralNodeIds(own: Identity, overlay: string, count = 2): Identity[] {
  const { privateKey, certificate: single } = own;
  const spki = single.publicKey.export({ type: 'spki', format: 'der' });
  const nodeIds = Array.from({ length: count }, (_, i) => nodeIdOfKey(spki, 'sha256', i + 1));
  const der = buildSelfSignedCertificate(
    {
      spki,
      nodeUris: nodeIds.map((nodeId) => formatNodeUri(nodeId, overlay)),
      userName: own.userName,
      serial: Uint8Array.of(7),
      notBefore: single.notBefore,
      notAfter: single.notAfter,
    },
    privateKey,
  );
  const certificate = Certificate.parse(der);
  return nodeIds.map((nodeId) => ({
    nodeId,
    userName: own.userName,
    certificate,
    privateKey,
    tls: { certificates: [der], privateKey },
    signer: new Signer({ certificate, nodeId }, privateKey),
    registration: (aor) => own.registration(aor),
  }));
}
