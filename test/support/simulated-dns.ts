import type { Answer } from 'dns-packet';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { DnsCache } from '../../src/net/dns/dns-cache.ts';
import { DnsClient } from '../../src/net/dns/dns-client.ts';
import { CountingMetrics } from './counting-metrics.ts';
import { NameServer } from './name-server.ts';

/** Our resolver on a simulated network with several name servers, all of which know the same records. */
export async function simulatedDns(records: Answer[], servers = 1) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock }, { seed: 7 });
  const named = await Promise.all(
    Array.from({ length: servers }, (_, index) =>
      NameServer.open(network.host(`192.0.2.${53 + index}`), `192.0.2.${53 + index}`, records, 53),
    ),
  );
  const metrics = new CountingMetrics();
  const deps = { network: network.host('192.0.2.1'), clock, random: new SeededRandom(3), metrics };
  const client = new DnsClient(deps, { servers: () => named.map(({ address }) => address) });
  const cache = new DnsCache({ client, clock, metrics });
  const count = (result: string) => metrics.value('dns_questions_total', { result });
  return { clock, network, servers: named, server: named[0]!, client, cache, count };
}
