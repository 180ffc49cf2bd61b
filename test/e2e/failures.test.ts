import test, { type ExecutionContext } from 'ava';
import type { GatewayProcess, TestUser } from '../support/gateway.ts';
import { type LookupAnswer, resourceIdOf, responsiblePeer, startOverlay } from '../support/overlay.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

// Five peers, only the first and the last speak SIP. The phone at the first calls users of the last.

const callees = Array.from({ length: 200 }, (_, i) => `user${i}`);
const users: TestUser[] = ['alice', ...callees].map((name) => ({
  aor: `${name}@example.org`,
  password: 'secret',
}));

interface Scene {
  peers: GatewayProcess[];
  caller: TestPhone;
  callee: TestPhone;
  /** The peers with SIP. */
  near: GatewayProcess;
  far: GatewayProcess;
}

async function fivePeers(t: ExecutionContext): Promise<Scene> {
  const peers = await startOverlay(t, ['proxy', 'off', 'off', 'off', 'proxy'], { users });
  const [near, far] = [peers[0] as GatewayProcess, peers[4] as GatewayProcess];
  const caller = await TestPhone.open(t, { port: near.sipPort() });
  const callee = await TestPhone.open(t, { port: far.sipPort() });
  return { peers, caller, callee, near, far };
}

async function publish(scene: Scene, user: string): Promise<void> {
  const { callee, near, far } = scene;
  const response = await callee.register(user);
  if (statusOf(response) !== 200) throw new Error(`REGISTER of ${user}: ${response.start}`);
  await eventually(`the record of ${user}`, 5000, async () => {
    const lookup = await near.admin<LookupAnswer>(`/lookup/${user}@example.org`);
    return lookup.entries.some((entry) => entry.node === far.nodeId);
  });
}

test.serial(
  'A8, A28, A31, P2, P6: a call right after kill -9 of the peer responsible for the callee is answered',
  async (t) => {
    const scene = await fivePeers(t);
    const plain = scene.peers.slice(1, 4);
    const victims = callees
      .map((user) => ({ user, peer: responsiblePeer(scene.peers, resourceIdOf(`${user}@example.org`)) }))
      .filter(({ peer }) => plain.includes(peer));
    const victim = victims[0];
    if (victim === undefined) return t.fail(`none of ${callees.length} users lies at a peer without SIP`);
    await publish(scene, victim.user);
    await victim.peer.kill9();
    const attempt = await scene.caller.call('alice', victim.user);
    t.is(attempt.status, 200, attempt.final.start);
    t.is(attempt.dialog && (await scene.caller.bye(attempt.dialog)), 200);
  },
);

for (const [how, allowed] of [
  ['SIGTERM', [404, 480]],
  ['kill -9', [480]],
] as const) {
  test.serial(`A31: after ${how} of the callee's peer the next call ends within 5 s`, async (t) => {
    const scene = await fivePeers(t);
    await publish(scene, 'user1');
    const before = await scene.caller.call('alice', 'user1');
    t.is(before.status, 200, before.final.start);
    await (how === 'SIGTERM' ? scene.far.stop() : scene.far.kill9());
    const started = performance.now();
    const attempt = await scene.caller.call('alice', 'user1');
    const seconds = (performance.now() - started) / 1000;
    t.true((allowed as readonly number[]).includes(attempt.status), attempt.final.start);
    t.true(seconds <= 5, `${seconds.toFixed(1)} s`);
  });
}
