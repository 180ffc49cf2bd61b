import { CodedError, formatAddress, type HttpClient, isLoopback, silentLogger } from '../../base/index.ts';
import { admitsDomain } from '../../reload/document/domain-restriction.ts';
import { builtInDocument, type OverlayDocument } from '../../reload/document/overlay-document.ts';
import type { SrvLookup } from '../../reload/enrollment/overlay-servers.ts';
import { serverMend } from '../cli/start-error.ts';
import { ConfigError } from '../config/config-error.ts';
import type { GatewayConfig, OverlayConfig } from '../config/gateway-config.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** What the overlay of a configuration is. */
export interface OverlayDiagnosis {
  readonly findings: readonly Finding[];
  /** Undefined where it cannot be had. */
  readonly document?: OverlayDocument;
  /** What time it was for the configuration server, and here, when it was asked, ms; undefined: it was not. */
  readonly server?: { readonly time: number; readonly asked: number } | undefined;
}

/** Can the document be had, is it a good one, and who may join by it? Nobody is enrolled. */
export async function checkOverlay(config: GatewayConfig, dns: SrvLookup): Promise<OverlayDiagnosis> {
  const { document, server } = config.overlay;
  if (document === undefined && server === undefined) {
    return { findings: checkExposure(config.overlay), document: builtInDocument(config.overlay.name) };
  }
  try {
    const { found, server: time } = await findDocument(config, dns);
    const signed = found.source?.signatures.length === 0 ? 'not signed' : 'properly signed';
    const shown = document?.shown ?? server?.shown ?? '';
    const has = document === undefined ? 'hands out a document that has' : 'has';
    const finding = ok('overlay.document', `${shown} ${has} number ${found.sequence} and is ${signed}`);
    const findings = [finding, ...checkAdmission(config.overlay, found), ...checkDomains(config, found)];
    return { findings, document: found, server: time };
  } catch (error) {
    if (error instanceof ConfigError)
      return { findings: error.problems.map(({ path, problem, mend }) => fail(path, problem, mend)) };
    if (!(error instanceof CodedError)) throw error;
    const mend =
      serverMend(error.code)?.mend ?? 'a peer that has a document starts without; a new one cannot';
    return { findings: [fail('overlay.document', error.message, mend)] };
  }
}

async function findDocument(
  config: GatewayConfig,
  dns: SrvLookup,
): Promise<{ readonly found: OverlayDocument; readonly server?: OverlayDiagnosis['server'] }> {
  // Only here: the XML library takes time to load.
  const { HttpsClient, systemClock, systemRandom } = await import('../../net/index.ts');
  const { fetchDocument } = await import('../compose/fetched-document.ts');
  const { openDocument } = await import('../compose/configuration-document.ts');
  const deps = { clock: systemClock, random: systemRandom, logger: silentLogger, dns };
  if (config.overlay.server === undefined) return { found: openDocument(config, deps) };
  const client = new HttpsClient();
  let server: OverlayDiagnosis['server'];
  const http: HttpClient = {
    request: async (request) => {
      const answer = await client.request(request);
      const time = Date.parse(answer.headers.get('date') ?? '');
      if (!Number.isNaN(time)) server = { time, asked: systemClock.now() };
      return answer;
    },
    close: () => client.close(),
  };
  try {
    return { found: await fetchDocument(config, config.overlay.server, { ...deps, http }), server };
  } finally {
    http.close();
  }
}

function checkAdmission(overlay: OverlayConfig, document: OverlayDocument): Finding[] {
  const isOpen = document.selfSignedPermitted !== undefined;
  const enrolled =
    overlay.enroll === undefined
      ? []
      : [
          ok(
            'overlay.enroll',
            `${overlay.enroll.username} enrolls at ${document.enrollmentServers.join(', ') || 'no server'}`,
          ),
        ];
  return isOpen ? [...enrolled, ...checkExposure(overlay, document.sharedSecret)] : enrolled;
}

function checkDomains({ sip }: GatewayConfig, { kinds }: OverlayDocument): Finding[] {
  const refused = sip.mode === 'off' ? [] : sip.domains.filter((domain) => !admitsDomain(kinds, domain));
  return refused.map((domain) =>
    warn(
      'sip.domains',
      `the overlay takes no registrations of ${domain}`,
      'the domain-restriction of the document must admit it (RFC 7904 §3.4)',
    ),
  );
}

/** In an open self-signed overlay whoever can connect can answer for any user. */
function checkExposure(overlay: OverlayConfig, secretOfDocument?: string): Finding[] {
  const wide = overlay.listen.filter(({ host }) => !isLoopback(host)).map(formatAddress);
  if (wide.length === 0) return [ok('overlay', 'self-signed, on loopback only')];
  if (overlay.allow !== undefined) {
    return [
      ok('overlay.allow', `self-signed on ${wide.join(' ')}, for ${overlay.allow.length} Node-IDs only`),
    ];
  }
  if ((overlay.sharedSecret ?? secretOfDocument) !== undefined) {
    const check = overlay.sharedSecret === undefined ? 'overlay.document' : 'overlay.shared-secret-file';
    return [ok(check, `self-signed on ${wide.join(' ')}, for who has the secret only`)];
  }
  const detail = `self-signed and open on ${wide.join(' ')}: whoever connects can answer for any user`;
  const mend = 'give all peers a secret (overlay.shared-secret-file), or list their Node-IDs (overlay.allow)';
  return [warn('overlay.open', detail, mend)];
}

/** A firewall between peers must know where they connect to: `overlay.listen`, and the port for SIP. */
export function checkSipLink({ overlay, sip }: GatewayConfig): Finding[] {
  if (sip.mode === 'off' || overlay.listen.every(({ host }) => isLoopback(host))) return [];
  if (overlay.sipLinkPort !== 0)
    return [ok('overlay.sip-link', `calls from peers come to port ${overlay.sipLinkPort}`)];
  const detail = 'calls from other peers come to any free port, so no firewall can let them through';
  return [
    warn('overlay.sip-link', detail, 'choose one (overlay.sip-link: 6085) and open it beside overlay.listen'),
  ];
}
