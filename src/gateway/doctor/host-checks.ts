import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorMessage } from '../../base/index.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { modeWarning } from '../config/secret-file.ts';
import { datesProblem, readTlsIdentity } from '../config/tls-files.ts';
import { openDataDirectory } from '../persistence/data-directory.ts';
import { checkOwnCertificate } from './certificate-checks.ts';
import { type Finding, fail, fromMessage, ok, secretWarning, warn } from './finding.ts';

/** What SIP over UDP asks the kernel for; Linux grants `net.core.rmem_max` at most. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const RMEM_MAX = '/proc/sys/net/core/rmem_max';

/** Can the data directory be used, and is what lies in it whole? Nothing is made that was not there. */
export async function checkData(
  config: GatewayConfig,
  document: OverlayDocument | undefined,
): Promise<Finding[]> {
  const { data, durability } = config;
  if (data === 'memory') {
    const mend = 'name a directory (data: ./data), but for tests';
    return [warn('data', 'in memory: registrations and the Node-ID are lost at a restart', mend)];
  }
  if (!existsSync(data)) return [checkParent(data)];
  try {
    const directory = await openDataDirectory(data, { durability });
    try {
      const identity = directory.loadIdentity();
      return [
        ok('data', `${data} can be used`),
        ...checkModes(data),
        ...(identity && document ? [checkOwnCertificate(identity, config, document, directory)] : []),
      ];
    } finally {
      await directory.close();
    }
  } catch (error) {
    return [fromMessage('data', 'fail', errorMessage(error))];
  }
}

function checkParent(data: string): Finding {
  let parent = dirname(data);
  while (!existsSync(parent)) parent = dirname(parent);
  const { mode, uid } = statSync(parent);
  const writable = process.getuid?.() === 0 || uid === process.getuid?.() || (mode & 0o022) !== 0;
  if (writable) return ok('data', `${data} will be made at the first start`);
  return fail('data', `${parent} is not ours to write in`, `mkdir ${data} and give it to this user`);
}

const SECRETS = /^(identity\.pem|store\.mdb|.+\.secret)$/;

/** The peer makes its files for its own eyes; copied or brought back, they may have come out otherwise. */
function checkModes(data: string): Finding[] {
  if ((statSync(data).mode & 0o011) === 0) return [];
  return readdirSync(data)
    .filter((name) => SECRETS.test(name))
    .flatMap((name) => modeWarning(join(data, name), join(data, name)) ?? [])
    .map(secretWarning);
}

/** The certificates that phones see: for which names, and for how long. */
export function checkSipCertificates({ file, sip }: GatewayConfig): Finding[] {
  return sip.tls.map((files, i) => {
    const check = `sip.tls[${i}]`;
    const { certificates } = readTlsIdentity(files, { file, path: check });
    const leaf = new X509Certificate(certificates[0]!);
    const problem = datesProblem(leaf, Date.now());
    if (problem !== undefined) return fromMessage(check, 'warn', `${files.cert} ${problem}`);
    const names = leaf.subjectAltName ?? leaf.subject;
    return ok(check, `for ${names}, valid until ${new Date(leaf.validTo).toISOString()}`);
  });
}

/** A burst of registrations after a power cut overruns a small receive buffer. */
export function checkReceiveBuffer({ sip }: GatewayConfig): Finding[] {
  if (!sip.listen.some(({ transport }) => transport === 'UDP') || !existsSync(RMEM_MAX)) return [];
  const granted = Number(readFileSync(RMEM_MAX, 'utf8'));
  if (granted >= RECEIVE_BUFFER_BYTES) return [ok('udp buffer', `${granted} bytes`)];
  const detail = `the kernel grants ${granted} bytes, so bursts of datagrams are lost`;
  return [warn('udp buffer', detail, `sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_BYTES}`)];
}
