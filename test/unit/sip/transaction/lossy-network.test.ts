import test from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { createRequest } from '../../../../src/sip/message/build.ts';
import type { ServerTransaction } from '../../../../src/sip/transaction/server-transaction.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/transaction-layer.ts';
import { SipTransport } from '../../../../src/sip/transport/sip-transport.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';

const SEED = 20_260_101;
const REQUESTS = 200;

/** A stack on one host of the network; every request gets `status`, and is counted. */
async function stack(simulated: SimulatedNetwork, host: string, seed: number, status: number) {
  const deps = {
    network: simulated.host(host),
    clock: simulated.clock,
    random: new SeededRandom(seed),
    logger: silentLogger,
    metrics: new CountingMetrics(),
  };
  const transport = new SipTransport(deps);
  const seen = new Map<string, number>();
  const onRequest = (transaction: ServerTransaction) => {
    const { callId } = transaction.request;
    seen.set(callId, (seen.get(callId) ?? 0) + 1);
    transaction.reply(status);
  };
  const user = { onRequest, onAck() {}, onCancel() {}, onResponse() {} };
  const layer = new TransactionLayer({ ...deps, transport }, {}, user);
  await transport.listen({ transport: 'UDP', host, port: 5060 });
  return { transport, layer, seen, metrics: deps.metrics };
}

for (const [method, status] of [
  ['OPTIONS', 200],
  ['INVITE', 486],
] as const) {
  test(`RFC 3261 §17: a quarter of all datagrams lost (seed ${SEED}): every ${method} is answered, each reaches the TU once`, async (t) => {
    const clock = new VirtualClock();
    const simulated = new SimulatedNetwork({ clock, random: new SeededRandom(SEED) }, { loss: 0.25 });
    const caller = await stack(simulated, '10.0.0.1', 1, 500);
    const callee = await stack(simulated, '10.0.0.2', 2, status);
    const flow = caller.transport.flowToSync({ transport: 'UDP', address: { host: '10.0.0.2', port: 5060 } });
    if (flow === undefined) return t.fail('no flow');
    const results: string[] = [];
    for (let index = 0; index < REQUESTS; index += 1) {
      const request = createRequest({
        method,
        uri: 'sip:10.0.0.2',
        via: `SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK${index}`,
        from: '<sip:a@10.0.0.1>;tag=1',
        to: '<sip:b@10.0.0.2>',
        callId: String(index),
        cseq: 1,
      });
      caller.layer.sendRequest(request, flow, {
        onResponse: (response) => results.push(String(response.status)),
        onTimeout: () => results.push('timeout'),
        onTransportError: () => results.push('error'),
      });
    }
    await clock.advance(40_000);
    t.deepEqual(
      results.filter((result) => result !== '100'),
      new Array(REQUESTS).fill(String(status)),
    );
    t.is(callee.seen.size, REQUESTS);
    t.true([...callee.seen.values()].every((count) => count === 1));
    t.is(callee.metrics.value('sip_unacknowledged_total'), 0);
    // RFC 3261 §17: everything ends; nothing is left to leak.
    await clock.advance(40_000);
    t.deepEqual([caller.layer.counts, callee.layer.counts], new Array(2).fill({ clients: 0, servers: 0 }));
    t.is(clock.pendingTimers, 0);
  });
}
