import { CodedError } from '../../base/index.ts';
import { systemClock } from '../../net/system-clock.ts';
import { trustOfDocument } from '../../reload/document/document-trust.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import type { Certificate, CertificateErrorCode } from '../../reload/security/certificate.ts';
import { CertificateStore } from '../../reload/security/certificate-store.ts';
import { type IdentityPem, readIdentityPem } from '../../reload/security/identity.ts';
import type { Admission } from '../../reload/security/trust-policy.ts';
import { ofAnotherAccount } from '../compose/peer-identity.ts';
import type { GatewayConfig, OverlayConfig } from '../config/gateway-config.ts';
import type { DataDirectory } from '../persistence/data-directory.ts';
import { type Finding, ok, warn } from './finding.ts';

/**
 * What the overlay would say to a certificate (RFC 6940 §11.3).
 * @param der as its owner shows it
 * @returns the certificate when it is welcome, else why it is not
 */
export function judge(
  der: Uint8Array,
  overlay: OverlayConfig,
  document: OverlayDocument,
): Certificate | CodedError<CertificateErrorCode> {
  const admission: Admission =
    overlay.allow === undefined ? { kind: 'open' } : { kind: 'allow', nodeIds: new Set(overlay.allow) };
  const trust = trustOfDocument({ clock: systemClock }, document, admission);
  try {
    return new CertificateStore({ clock: systemClock, trust }, { capacity: 1 }).verify(der);
  } catch (error) {
    if (error instanceof CodedError) return error as CodedError<CertificateErrorCode>;
    throw error;
  }
}

/** The certificate that an earlier run left in the data directory: is it still good for this overlay, and whose is it? */
export function checkOwnCertificate(
  pem: IdentityPem,
  config: GatewayConfig,
  document: OverlayDocument,
  data: Pick<DataDirectory, 'store'>,
): Finding {
  const { overlay } = config;
  const { certificate } = readIdentityPem(pem);
  if (overlay.enroll !== undefined) {
    const other = ofAnotherAccount(data, overlay.enroll.username);
    if (other !== undefined) {
      const mend = `name the data directory of ${overlay.enroll.username}, or start it: it enrolls, with another Node-ID`;
      return warn(
        'overlay.enroll',
        `the certificate in ${config.data} is another one's: ${other.message}`,
        mend,
      );
    }
  }
  const verdict = judge(certificate.der, overlay, document);
  if (!(verdict instanceof CodedError)) {
    const until = new Date(certificate.notAfter).toISOString();
    return ok('data', `Node-ID ${certificate.nodeIds[0]}, certificate valid until ${until}`);
  }
  const { check = 'data', verdict: weight, mend } = ownMend(verdict.code, config);
  const finding = { check, detail: `this peer's own: ${verdict.message}`, mend };
  return { ...finding, verdict: weight };
}

function ownMend(
  code: CertificateErrorCode,
  { data, overlay }: GatewayConfig,
): { readonly check?: string; readonly verdict: 'warn' | 'fail'; readonly mend: string } {
  const source = overlay.enroll === undefined ? 'it makes' : 'the enrollment server gives it';
  switch (code) {
    case 'certificate-expired':
      return { verdict: 'warn', mend: `start it: ${source} a new one for the same key` };
    case 'certificate-not-yet-valid':
      return { check: 'clock', verdict: 'fail', mend: 'set the clock (NTP)' };
    case 'certificate-foreign':
      return {
        verdict: 'fail',
        mend: `name the data directory of a peer of ${overlay.name} (data), or a new one`,
      };
    case 'certificate-not-allowed':
      return {
        check: 'overlay.allow',
        verdict: 'fail',
        mend: 'put this Node-ID into overlay.allow of all peers',
      };
    case 'certificate-node-id-mismatch':
    case 'certificate-malformed':
      return {
        verdict: 'fail',
        mend: `bring ${data}/identity.pem back from a backup, or take it away: the peer gets a new Node-ID`,
      };
    case 'certificate-untrusted':
      return { verdict: 'warn', mend: `start it: ${source} a new one` };
    case 'certificate-revoked':
      return { verdict: 'fail', mend: 'ask whoever runs the overlay why this peer was put out of it' };
  }
}
