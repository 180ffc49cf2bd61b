import { isLoopback, type Network } from '../../base/index.ts';
import { ConfigError } from '../config/config-error.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { checkClock, checkData, checkReceiveBuffer, checkSipCertificates } from './host-checks.ts';
import { checkBootstrap, checkLocalDiscovery, checkPorts } from './network-checks.ts';
import { checkOverlay } from './overlay-checks.ts';

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** False when the file itself is wrong, so that nothing else was looked at. */
  readonly readable: boolean;
}

/** Looks at a configuration and at the host it is to run on; starts nothing and changes nothing. */
export async function diagnose(
  file: string,
  sets: readonly string[],
  { network }: { network: Network },
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
  const findings = [
    ok('file', `${file} is a valid configuration`),
    ...warnings.map((warning) => secretWarning(warning)),
    ...(await checkOverlay(config)),
    ...checkUsers(config),
    ...checkSipCertificates(config),
    ...(await checkPorts(config, network)),
    ...(await checkBootstrap(config, network)),
    ...(await checkLocalDiscovery(config)),
    ...(await checkData(config)),
    checkClock(),
    ...checkReceiveBuffer(config),
  ];
  return { findings, readable: true };
}

function secretWarning(warning: string): Finding {
  const cut = warning.lastIndexOf(': ');
  return warn('secrets', warning.slice(0, cut), warning.slice(cut + 2));
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
