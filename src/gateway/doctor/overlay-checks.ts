import { CodedError, formatAddress, isLoopback, noMetrics, silentLogger } from '../../base/index.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { serverMend } from '../cli/start-error.ts';
import { ConfigError } from '../config/config-error.ts';
import type { GatewayConfig, OverlayConfig } from '../config/gateway-config.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Can the document be had, is it a good one, and who may join by it? Nobody is enrolled. */
export async function checkOverlay(config: GatewayConfig): Promise<Finding[]> {
  const { document, server } = config.overlay;
  if (document === undefined && server === undefined) return checkExposure(config.overlay);
  try {
    const found = await findDocument(config);
    const signed = found.source?.signatures.length === 0 ? 'not signed' : 'properly signed';
    const shown = document?.shown ?? server?.shown ?? '';
    const has = document === undefined ? 'hands out a document that has' : 'has';
    const finding = ok('overlay.document', `${shown} ${has} number ${found.sequence} and is ${signed}`);
    return [finding, ...checkAdmission(config.overlay, found)];
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ path, problem, mend }) => fail(path, problem, mend));
    if (!(error instanceof CodedError)) throw error;
    const mend =
      serverMend(error.code)?.mend ?? 'a peer that has a document starts without; a new one cannot';
    return [fail('overlay.document', error.message, mend)];
  }
}

async function findDocument(config: GatewayConfig): Promise<OverlayDocument> {
  // Only here: the XML library takes time to load.
  const { HttpsClient, SystemDns, SystemNetwork, systemClock, systemRandom } = await import(
    '../../net/index.ts'
  );
  const { fetchDocument } = await import('../compose/fetched-document.ts');
  const { openDocument } = await import('../compose/configuration-document.ts');
  const machine = { network: new SystemNetwork(), clock: systemClock, random: systemRandom };
  const deps = { ...machine, logger: silentLogger, dns: new SystemDns({ ...machine, metrics: noMetrics }) };
  if (config.overlay.server === undefined) return openDocument(config, deps);
  const http = new HttpsClient();
  try {
    return await fetchDocument(config, config.overlay.server, { ...deps, http });
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
