import { contest, register } from './contest.js';
import { startFloor, stopFloor } from './floor-server.js';
import { startAlone, stopGateway } from './gateways.js';
import { startKamailio, stopKamailio } from './kamailio.js';
import { captureLatency } from './latency.js';
import { load, userNames } from './sipp.js';

const registered = userNames(1000);
const callees = userNames(500);
const refresh = { scenario: 'register', users: registered, floor: true };
const call = { scenario: 'uac', users: callees, floor: true };

/** How the servers of each workload are set up and what SIPp does with them. */
const setUps = {
  register: refresh,
  'register-memory': { ...refresh, gateway: { data: 'memory' } },
  'register-digest': {
    scenario: 'register',
    users: registered,
    gateway: { auth: 'digest', users: registered },
    defines: ['WITH_AUTH'],
  },
  call,
  latency: call,
  redirect: {
    scenario: 'redirect',
    users: callees,
    gateway: { mode: 'redirect' },
    defines: ['WITH_REDIRECT'],
  },
};

/** One gateway alone in its overlay, beside one Kamailio. */
export async function single(wanted, context) {
  const { contact, port } = context.callees;
  for (const workload of wanted) {
    const { scenario, users } = setUps[workload.id];
    const run = (server, count, rate) => load({ scenario, target: server.sip, users, rate, count, contact });
    const captured = (server, ...args) =>
      captureLatency({ calleePort: port, server }, () => run(server, ...args));
    const contenders = contendersFor(setUps[workload.id], context);
    await contest(workload, context, contenders, workload.id === 'latency' ? captured : run, run);
  }
}

function contendersFor({ users, gateway = {}, defines = [], floor }, context) {
  const withUsers = async (server) => {
    await register(server.sip, users, context.callees.contact);
    return server;
  };
  const own = (name, tree) => ({
    name,
    start: async () => withUsers(await startAlone({ ...gateway, key: context.key, tree })),
    stop: stopGateway,
  });
  const contenders = [own('ours')];
  if (context.beside) contenders.push(own('other', context.beside));
  if (context.kamailio) {
    contenders.push({
      name: 'kamailio',
      start: async () => withUsers(await startKamailio(...defines)),
      stop: stopKamailio,
    });
  }
  if (context.floor && floor) {
    contenders.push({ name: 'floor', start: async () => withUsers(await startFloor()), stop: stopFloor });
  }
  return contenders;
}
