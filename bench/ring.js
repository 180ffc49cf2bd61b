import { contest, register } from './contest.js';
import { startOverlay, stopGateway } from './gateways.js';
import { startKamailio, stopKamailio } from './kamailio.js';
import { captureLatency } from './latency.js';
import { load, userNames } from './sipp.js';

/** Lookups are kept for at most 5 s: a callee called once in 6 s is always looked up anew. */
const COLD_PERIOD_S = 6;

/** Five peers, one of them a redirector and two without SIP, started once; the CPU of all five counts. */
export async function overlay(wanted, context) {
  const { callees, report, key } = context;
  const peers = await startOverlay(['proxy', 'redirect', 'off', 'off', 'proxy'], { key });
  const [near, redirector, , , far] = peers;
  const pids = peers.map(({ pid }) => pid);
  const ours = ({ sip }) => ({ name: 'ours', start: async () => ({ sip, pids }), stop: async () => {} });
  const locals = userNames(500, 10_000);
  const warm = userNames(50, 20_000);
  let fresh = 100_000;
  let remote = [];
  const remoteUsers = async (rate) => {
    const count = Math.min(rate * COLD_PERIOD_S, 3000);
    if (remote.length < count) {
      report(`registering ${count} callees at another peer`);
      remote = userNames(count, 30_000);
      await register(far.sip, remote, callees.contact);
    }
    return remote.slice(0, count);
  };
  await register(near.sip, locals, callees.contact);
  await register(far.sip, warm, callees.contact);

  for (const workload of wanted) {
    const { id, rate } = workload;
    const loadWith = (scenario, users) => (server, count, rate) =>
      load({ scenario, target: server.sip, users, rate, count, contact: callees.contact });
    const contestWith = (contenders, run, warmUp) => contest(workload, context, contenders, run, warmUp);
    const kamailio = (users, ...defines) =>
      context.kamailio ? [kamailioWith(users, callees.contact, defines)] : [];

    if (id === 'register-store') {
      await contestWith([ours(near)], (server, count, rate) => {
        const users = userNames(count, fresh);
        fresh += count;
        return loadWith('register', users)(server, count, rate);
      });
    } else if (id === 'call-overlay') {
      await contestWith([ours(near), ...kamailio(locals)], loadWith('uac', locals));
    } else if (id === 'call-warm') {
      await contestWith([ours(near)], loadWith('uac', warm));
    } else if (id === 'call-cold') {
      await contestWith([ours(near)], loadWith('uac', await remoteUsers(rate)));
    } else if (id === 'latency-overlay') {
      const call = loadWith('uac', warm);
      await contestWith(
        [ours(near)],
        (server, ...args) =>
          captureLatency({ calleePort: callees.port, server }, () => call(server, ...args)),
        call,
      );
    } else if (id === 'redirect-warm') {
      await contestWith([ours(redirector), ...kamailio(warm, 'WITH_REDIRECT')], loadWith('redirect', warm));
    } else if (id === 'redirect-cold') {
      await contestWith([ours(redirector)], loadWith('redirect', await remoteUsers(rate)));
    }
  }
  for (const peer of peers) await stopGateway(peer);
}

function kamailioWith(users, contact, defines) {
  return {
    name: 'kamailio',
    start: async () => {
      const server = await startKamailio(...defines);
      await register(server.sip, users, contact);
      return server;
    },
    stop: stopKamailio,
  };
}
