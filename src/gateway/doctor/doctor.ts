import { isLoopback, type Network, noMetrics } from '../../base/index.ts';
import { systemClock } from '../../net/system-clock.ts';
import { SystemDns } from '../../net/system-dns.ts';
import { systemRandom } from '../../net/system-random.ts';
import { ConfigError } from '../config/config-error.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { checkBootstrap } from './bootstrap-checks.ts';
import { checkClock } from './clock-checks.ts';
import { type Finding, fail, ok, secretWarning, warn } from './finding.ts';
import { checkData, checkReceiveBuffer, checkSipCertificates } from './host-checks.ts';
import { checkMedia } from './media-checks.ts';
import { checkNames } from './name-checks.ts';
import { checkLocalDiscovery, checkPorts } from './network-checks.ts';
import { checkOverlay, checkSipLink } from './overlay-checks.ts';

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** False when the file itself is wrong, so that nothing else was looked at. */
  readonly readable: boolean;
}

/** Looks at a configuration and at the host it is to run on; starts nothing and changes nothing. */
export async function diagnose(
  file: string,
  sets: readonly string[],
  { network }: { readonly network: Network },
): Promise<Diagnosis> {
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig(file, sets);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const findings = error.problems.map((problem) =>
      fail(problem.path === '' ? problem.file : problem.path, problem.problem, problem.mend),
    );
    return { findings, readable: false };
  }
  const { config, warnings } = loaded;
  const machine = { network, clock: systemClock, random: systemRandom, metrics: noMetrics };
  const dns = new SystemDns(machine, { servers: config.sip.nameServers });
  const overlay = await checkOverlay(config, dns);
  const findings = [
    ok('file', `${file} is a valid configuration`),
    ...warnings.map(secretWarning),
    ...overlay.findings,
    ...checkSipLink(config),
    ...checkUsers(config),
    ...checkSipCertificates(config),
    ...(await checkPorts(config, network)),
    ...(await checkBootstrap(config, overlay.document, { network, dns })),
    ...(await checkNames(config, dns)),
    ...(await checkMedia(config, network)),
    ...(await checkLocalDiscovery(config)),
    ...(await checkData(config, overlay.document)),
    checkClock(config, overlay.server),
    ...checkReceiveBuffer(config),
  ];
  return { findings, readable: true };
}

function checkUsers({ overlay, sip, users }: GatewayConfig): Finding[] {
  if (sip.mode === 'off') return [];
  if (sip.auth === 'none') {
    const detail = 'anybody who reaches the SIP ports can register as anybody';
    return sip.listen.every(({ address }) => isLoopback(address.host))
      ? [ok('users', 'sip.auth: none, on loopback only')]
      : [warn('sip.auth', detail, 'write sip.auth: digest and name a users file')];
  }
  if (users.length === 0 && overlay.enroll !== undefined) {
    return [ok('users', 'those who have accounts at the enrollment server')];
  }
  if (users.length === 0) return [warn('users', 'the users file is empty: nobody can register', 'add users')];
  return [ok('users', `${users.length} users`)];
}
