import { startAlone, startOverlay, stopGateway } from './gateways.js';
import { startKamailio, stopKamailio } from './kamailio.js';
import { captureLatency } from './latency.js';
import { measure } from './measure.js';
import { load, startCallees, userNames } from './sipp.js';

/** Lookups are kept for at most 5 s: a callee called once in 6 s is always looked up anew. */
const COLD_PERIOD_S = 6;
const STORE_RATE = 400;

/** What is measured: id, title, calls a second, aim (CPU-s per 1000 of all our processes). */
export const workloads = [
  {
    id: 'register',
    title: 'REGISTER refresh',
    rate: 1000,
    aim: 0.2,
    group: 'single',
  },
  {
    id: 'call',
    title: 'call within one peer, alone',
    rate: 500,
    aim: 1.0,
    group: 'single',
  },
  {
    id: 'latency',
    title: 'INVITE to 180, one peer',
    rate: 200,
    group: 'single',
  },
  {
    id: 'register-digest',
    title: 'REGISTER with digest',
    rate: 1000,
    group: 'digest',
  },
  {
    id: 'register-store',
    title: 'first REGISTER, signed Store, 5 peers',
    rate: STORE_RATE,
    aim: 6,
    group: 'overlay',
  },
  {
    id: 'call-overlay',
    title: 'call within one peer of 5',
    rate: 500,
    aim: 1.0,
    group: 'overlay',
  },
  {
    id: 'call-warm',
    title: 'call between two peers, warm',
    rate: 500,
    aim: 2.0,
    group: 'overlay',
  },
  {
    id: 'call-cold',
    title: 'call between two peers, cold',
    rate: 500,
    aim: 3.5,
    group: 'overlay',
  },
  {
    id: 'latency-overlay',
    title: 'INVITE to 180, two peers',
    rate: 200,
    group: 'overlay',
  },
  {
    id: 'redirect-warm',
    title: '302, warm',
    rate: 500,
    aim: 0.2,
    group: 'overlay',
  },
  {
    id: 'redirect-cold',
    title: '302, cold',
    rate: 500,
    aim: 1.5,
    group: 'overlay',
  },
];

/**
 * Measures the workloads in `ids`; gives `{id: {ours, kamailio?}}`.
 * @param options `rounds`, `seconds` of each run, `key` of the peers (ec or rsa), `kamailio`, `report(text)`
 */
export async function runWorkloads(ids, options) {
  const callees = await startCallees();
  const results = {};
  for (const group of [singleServer, digestServer, overlay]) {
    const wanted = workloads.filter((one) => one.group === group.groupName && ids.includes(one.id));
    if (wanted.length > 0) await group(wanted, { ...options, callees, results });
  }
  return results;
}

/** One gateway alone beside one Kamailio, no authentication. */
async function singleServer(wanted, context) {
  const servers = await startContenders(context, { key: context.key });
  const { callees } = context;
  const users = userNames(500);
  for (const { sip } of servers) await register(sip, userNames(1000), callees.contact);
  for (const workload of wanted) {
    const scenario = workload.id === 'register' ? 'register' : 'uac';
    await contest(workload, context, servers, (server, count) => {
      const run = () =>
        load({
          ...{
            scenario,
            target: server.sip,
            rate: workload.rate,
            count,
            contact: callees.contact,
          },
          users: scenario === 'register' ? userNames(1000) : users,
        });
      return workload.id === 'latency' ? captureLatency(callees.port, run) : run();
    });
  }
  await stopContenders(servers);
}
singleServer.groupName = 'single';

/** The same with digest authentication: each REGISTER is challenged and answered. */
async function digestServer([workload], context) {
  const users = userNames(1000);
  const servers = await startContenders(context, { auth: 'digest', users }, 'WITH_AUTH');
  await contest(workload, context, servers, (server, count) =>
    load({
      ...{
        scenario: 'register',
        target: server.sip,
        rate: workload.rate,
        count,
      },
      ...{ users, contact: context.callees.contact },
    }),
  );
  await stopContenders(servers);
}
digestServer.groupName = 'digest';

/** Five peers, one of them a redirector and two without SIP; the CPU of all five counts. */
async function overlay(wanted, context) {
  const { callees, report, key } = context;
  const peers = await startOverlay(['proxy', 'redirect', 'off', 'off', 'proxy'], { key });
  const [near, redirector, , , far] = peers;
  const pids = peers.map(({ pid }) => pid);
  const ours = (target) => [{ name: 'ours', sip: target.sip, pids, peers }];
  const locals = userNames(500, 10_000);
  const warm = userNames(50, 20_000);
  const coldCount = (rate) => Math.min(rate * COLD_PERIOD_S, 3000);
  let fresh = 100_000;
  let remote = [];
  const remoteUsers = async (count) => {
    if (remote.length < count) {
      report(`registering ${count} callees at another peer`);
      remote = userNames(count, 30_000);
      await register(far.sip, remote, callees.contact, STORE_RATE);
    }
    return remote.slice(0, count);
  };
  await register(near.sip, locals, callees.contact, STORE_RATE);
  await register(far.sip, warm, callees.contact, STORE_RATE);
  const call = (users, rate) => (server, count) =>
    load({ scenario: 'uac', target: server.sip, users, rate, count });

  for (const workload of wanted) {
    const { rate } = workload;
    if (workload.id === 'register-store') {
      await contest({ ...workload, settleMs: 2500 }, context, ours(near), (server, count) => {
        const users = userNames(count, fresh);
        fresh += count;
        return load({
          scenario: 'register',
          target: server.sip,
          users,
          rate,
          count,
          contact: callees.contact,
        });
      });
    } else if (workload.id === 'call-overlay') {
      await contest(workload, context, ours(near), call(locals, rate));
    } else if (workload.id === 'call-warm') {
      await contest(workload, context, ours(near), call(warm, rate));
    } else if (workload.id === 'call-cold') {
      await contest(workload, context, ours(near), call(await remoteUsers(coldCount(rate)), rate));
    } else if (workload.id === 'latency-overlay') {
      await contest(workload, context, ours(near), (server, count) =>
        captureLatency(callees.port, () => call(warm, rate)(server, count)),
      );
    } else {
      const cold = workload.id === 'redirect-cold';
      const users = cold ? await remoteUsers(coldCount(rate)) : warm;
      const servers = ours(redirector);
      if (!cold && context.kamailio) servers.push(await kamailioContender('WITH_REDIRECT'));
      if (servers[1]) await register(servers[1].sip, users, callees.contact);
      await contest(workload, context, servers, (server, count) =>
        load({ scenario: 'redirect', target: server.sip, users, rate, count }),
      );
      if (servers[1]) await stopKamailio(servers[1].process);
    }
  }
  for (const peer of peers) await stopGateway(peer);
}
overlay.groupName = 'overlay';

async function contest(workload, context, servers, run) {
  const { rounds, seconds, report, results } = context;
  report(`${workload.title}: ${workload.rate}/s, ${servers.map(({ name }) => name).join(' and ')}`);
  const contenders = Object.fromEntries(
    servers.map((server) => [
      server.name,
      {
        pids: server.pids,
        run: () => run(server, workload.rate * seconds),
        warm: () => run(server, workload.rate * 2),
      },
    ]),
  );
  results[workload.id] = await measure(contenders, {
    rounds,
    settleMs: workload.settleMs,
    warmUp: (contender) => contender.warm(),
  });
}

async function startContenders({ kamailio }, gatewayOptions, ...defines) {
  const gateway = await startAlone(gatewayOptions);
  const servers = [{ name: 'ours', sip: gateway.sip, pids: [gateway.pid], gateway }];
  if (kamailio) servers.push(await kamailioContender(...defines));
  return servers;
}

async function kamailioContender(...defines) {
  const process = await startKamailio(...defines);
  return { name: 'kamailio', sip: process.sip, pids: [process.pid], process };
}

async function stopContenders(servers) {
  for (const server of servers)
    await (server.gateway ? stopGateway(server.gateway) : stopKamailio(server.process));
}

function register(target, users, contact, rate = 200) {
  return load({
    scenario: 'register',
    target,
    users,
    rate,
    count: users.length,
    contact,
  });
}
