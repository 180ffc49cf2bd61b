import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage } from '../../base/index.ts';
import type { IdentityPem } from '../../reload/security/identity.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { datesProblem, readTlsIdentity } from '../config/tls-files.ts';
import { openDataDirectory } from '../persistence/data-directory.ts';
import { type Finding, fail, fromMessage, ok, warn } from './finding.ts';

/** What SIP over UDP asks the kernel for; Linux grants `net.core.rmem_max` at most. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const RMEM_MAX = '/proc/sys/net/core/rmem_max';

/** Can the data directory be used, and is what lies in it whole? Nothing is made that was not there. */
export async function checkData(config: GatewayConfig): Promise<Finding[]> {
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
        ...(identity === undefined ? [] : [checkValidity(identity, config)]),
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

function checkValidity({ certificate }: IdentityPem, config: GatewayConfig): Finding {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const now = Date.now();
  if (now < Date.parse(validFrom)) {
    return fail(
      'clock',
      `this peer's certificate begins ${validFrom}: the clock is behind`,
      'set the clock (NTP)',
    );
  }
  if (now > Date.parse(validTo)) {
    const source = config.overlay.enroll === undefined ? 'it makes' : 'the enrollment server gives it';
    const mend = `start it: ${source} a new one for the same key`;
    return warn('data', `this peer's certificate ended ${validTo}`, mend);
  }
  return ok('data', `identity valid until ${new Date(validTo).toISOString()}`);
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

/** Certificates and stored records carry times: a clock that lies before this program was made is wrong. */
export function checkClock(): Finding {
  const built = statSync(fileURLToPath(import.meta.url)).mtime;
  const now = new Date();
  if (now.getTime() < built.getTime() - 86_400_000) {
    const detail = `${now.toISOString()} lies before this program was built (${built.toISOString()})`;
    return fail('clock', detail, 'set the clock (NTP): other peers refuse what is signed at a wrong time');
  }
  return ok('clock', now.toISOString());
}

/** A burst of registrations after a power cut overruns a small receive buffer. */
export function checkReceiveBuffer({ sip }: GatewayConfig): Finding[] {
  if (!sip.listen.some(({ transport }) => transport === 'UDP') || !existsSync(RMEM_MAX)) return [];
  const granted = Number(readFileSync(RMEM_MAX, 'utf8'));
  if (granted >= RECEIVE_BUFFER_BYTES) return [ok('udp buffer', `${granted} bytes`)];
  const detail = `the kernel grants ${granted} bytes, so bursts of datagrams are lost`;
  return [warn('udp buffer', detail, `sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_BYTES}`)];
}
