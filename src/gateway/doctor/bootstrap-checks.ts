import {
  type Address,
  CodedError,
  type Connection,
  errorMessage,
  formatAddress,
  type Network,
} from '../../base/index.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import type { CertificateErrorCode } from '../../reload/security/certificate.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { judge } from './certificate-checks.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { isName, type Names } from './name-checks.ts';

const CONNECT_TIMEOUT_MS = 3_000;

interface Deps {
  readonly network: Network;
  readonly dns: Names;
}

/**
 * Connects to each bootstrap peer and looks at the certificate it shows; a first peer can live without them. Ours is not
 * shown: a peer of this Node-ID may be running, and would be taken for the one that connects.
 * @param document undefined where it could not be had: certificates are not judged then
 */
export async function checkBootstrap(
  config: GatewayConfig,
  document: OverlayDocument | undefined,
  deps: Deps,
): Promise<Finding[]> {
  const { overlay } = config;
  const found = await Promise.all(
    overlay.bootstrap.map((address, i) =>
      checkPeer(`overlay.bootstrap[${i}]`, address, { config, document, ...deps }),
    ),
  );
  if (overlay.first || found.length === 0 || found.some(({ verdict }) => verdict === 'ok')) return found;
  return found.map((finding) => ({ ...finding, verdict: 'fail' }));
}

async function checkPeer(
  check: string,
  address: Address,
  { config, document, network, dns }: Deps & { config: GatewayConfig; document: OverlayDocument | undefined },
): Promise<Finding> {
  const shown = formatAddress(address);
  const nameless = await namelessFinding(check, address.host, dns);
  if (nameless !== undefined) return nameless;
  const isKeyed = (config.overlay.sharedSecret ?? document?.sharedSecret) !== undefined;
  let chain: readonly Uint8Array[];
  try {
    // Links that are keyed by a secret show no certificate.
    chain = await certificatesOf(network, address, !isKeyed);
  } catch (error) {
    const detail = `${shown} cannot be reached (${errorMessage(error)})`;
    return warn(check, detail, 'start that peer, open the way to it (firewall, NAT), or name another one');
  }
  const [leaf] = chain;
  if (leaf === undefined || document === undefined) return ok(check, `${shown} takes connections`);
  const verdict = judge(leaf, config.overlay, document);
  if (!(verdict instanceof CodedError)) return ok(check, `${shown} is ${verdict.nodeIds.join(', ')}`);
  return fail(check, `${shown}: ${verdict.message}`, MENDS[verdict.code]);
}

const MENDS: Readonly<Record<CertificateErrorCode, string>> = {
  'certificate-expired': 'set the clocks (NTP), or start that peer anew: it gets another certificate',
  'certificate-not-yet-valid': 'set the clock (NTP), here or there',
  'certificate-foreign': 'name a peer of this overlay, or write its name as all its peers do (overlay.name)',
  'certificate-not-allowed': 'put its Node-ID into overlay.allow, or name another peer',
  'certificate-node-id-mismatch': 'name another peer: this one is not who it says',
  'certificate-malformed': 'name a peer of the overlay: this is another program',
  'certificate-untrusted': 'give both peers the same document (overlay.document)',
  'certificate-revoked': 'name another peer: this one was put out of the overlay',
};

async function namelessFinding(check: string, host: string, dns: Names): Promise<Finding | undefined> {
  if (!isName(host)) return undefined;
  try {
    if ((await dns.lookup(host)).length > 0) return undefined;
    return warn(check, `${host} has no address in DNS`, 'add an A or AAAA record, or write the IP address');
  } catch (error) {
    return warn(check, errorMessage(error), 'check /etc/resolv.conf, or write the IP address');
  }
}

async function certificatesOf(
  network: Network,
  address: Address,
  byTls: boolean,
): Promise<readonly Uint8Array[]> {
  const connection: Connection = await network.connect(address, {
    timeoutMs: CONNECT_TIMEOUT_MS,
    ...(byTls && { tls: {} }),
  });
  connection.setHandler({ onData() {}, onClose() {} });
  const { peerCertificates } = connection;
  connection.destroy();
  return peerCertificates;
}
