import { formatAddress, isLoopback, type Network, silentLogger } from '../../base/index.ts';
import { ConfigError } from '../config/config-error.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { checkClock, checkData, checkReceiveBuffer } from './host-checks.ts';
import { checkBootstrap, checkLocalDiscovery, checkPorts } from './network-checks.ts';

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
    ...(await checkDocument(config)),
    ...checkUsers(config),
    ...checkExposure(config),
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

async function checkDocument(config: GatewayConfig): Promise<Finding[]> {
  if (config.overlay.document === undefined) return [];
  // Only here: the XML library takes time to load.
  const { systemClock } = await import('../../net/index.ts');
  const { openDocument } = await import('../compose/configuration-document.ts');
  try {
    const document = openDocument(config, { clock: systemClock, logger: silentLogger });
    const { shown } = config.overlay.document;
    const signed = document.source?.signatures.length === 0 ? 'not signed' : 'properly signed';
    return [ok('overlay.document', `${shown} has number ${document.sequence} and is ${signed}`)];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, problem, mend }) => fail(path, problem, mend));
  }
}

function checkUsers({ sip, users }: GatewayConfig): Finding[] {
  if (sip.mode === 'off') return [];
  if (sip.auth === 'none') {
    const detail = 'anybody who reaches the SIP ports can register as anybody';
    return sip.listen.every(({ address }) => isLoopback(address.host))
      ? [ok('users', 'sip.auth: none, on loopback only')]
      : [warn('sip.auth', detail, 'write sip.auth: digest and name a users file')];
  }
  if (users.length === 0) return [warn('users', 'the users file is empty: nobody can register', 'add users')];
  return [ok('users', `${users.length} users`)];
}

/** In an open self-signed overlay whoever can connect can answer for any user. */
function checkExposure({ overlay }: GatewayConfig): Finding[] {
  const wide = overlay.listen.filter(({ host }) => !isLoopback(host)).map(formatAddress);
  if (wide.length === 0) return [ok('overlay', 'self-signed, on loopback only')];
  if (overlay.allow !== undefined) {
    return [
      ok('overlay.allow', `self-signed on ${wide.join(' ')}, for ${overlay.allow.length} Node-IDs only`),
    ];
  }
  if (overlay.sharedSecret !== undefined) {
    return [
      ok('overlay.shared-secret-file', `self-signed on ${wide.join(' ')}, for who has the secret only`),
    ];
  }
  const detail = `self-signed and open on ${wide.join(' ')}: whoever connects can answer for any user`;
  return [warn('overlay.open', detail, 'list the Node-IDs that may join (overlay.allow)')];
}
