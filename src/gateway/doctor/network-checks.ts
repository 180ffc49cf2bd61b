import { type Address, CodedError, errorMessage, formatAddress, type Network } from '../../base/index.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Takes every port the peer will take, one after the other, and lets go of it again. */
export async function checkPorts(config: GatewayConfig, network: Network): Promise<Finding[]> {
  const { overlay, sip, admin } = config;
  const findings: Finding[] = [];
  for (const [i, address] of overlay.listen.entries()) {
    findings.push(await tryPort(`overlay.listen[${i}]`, 'TCP', address, network));
  }
  for (const [i, { transport, address }] of sip.listen.entries()) {
    findings.push(await tryPort(`sip.listen[${i}]`, transport === 'UDP' ? 'UDP' : 'TCP', address, network));
  }
  if (admin !== undefined) findings.push(await tryPort('admin', 'TCP', admin.listen, network));
  return findings;
}

async function tryPort(
  check: string,
  transport: 'UDP' | 'TCP',
  address: Address,
  network: Network,
): Promise<Finding> {
  const shown = `${transport} ${formatAddress(address)}`;
  try {
    const taken =
      transport === 'UDP'
        ? await network.bindDatagram(address, { onDatagram() {} })
        : await network.listen(address, (connection) => connection.destroy());
    await taken.close();
    return ok(check, `${shown} is free`);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'address-in-use') {
      const mend =
        'stop the program that has it (or is this peer running already: p2psip status), or change the port';
      return fail(check, `${shown} is in use`, mend);
    }
    return fail(check, `${shown}: ${errorMessage(error)}`, 'choose an address of this host');
  }
}

/** Does multicast DNS work here? Only where peers are to be found by it alone does that keep this one from joining. */
export async function checkLocalDiscovery({ overlay }: GatewayConfig): Promise<Finding[]> {
  if (!overlay.localDiscovery) return [];
  const { SystemMulticast } = await import('../../net/index.ts');
  const { MDNS_GROUPS } = await import('../../reload/discovery/local-discovery.ts');
  const failures: string[] = [];
  for (const { address, hops } of MDNS_GROUPS) {
    try {
      const joined = await new SystemMulticast().join(address, { onDatagram() {} }, { hops });
      await joined.close();
      return [ok('overlay.local-discovery', `multicast DNS works (${formatAddress(address)})`)];
    } catch (error) {
      failures.push(errorMessage(error));
    }
  }
  const mend = 'name peers (overlay.bootstrap), and write overlay.local-discovery: false';
  return [warn('overlay.local-discovery', failures.join(', '), mend)];
}
