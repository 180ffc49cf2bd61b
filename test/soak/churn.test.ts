import test from 'ava';
import { type ConfigObject, type GatewayProcess, startGateway } from '../support/gateway.ts';
import { ringIsConsistent } from '../support/overlay.ts';
import { freePort } from '../support/ports.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

// Eight processes; for minutes one without phones after the other is killed and comes back, while calls go on.

const ROUNDS = 20;
const users = Array.from({ length: 30 }, (_, i) => `user${i}`);
const accounts = ['alice', ...users].map((user) => ({ aor: `${user}@example.org`, password: 'secret' }));

test('A28, A42: calls are answered through twenty deaths and returns of peers', async (t) => {
  t.timeout(600_000);
  const links = await Promise.all(Array.from({ length: 8 }, () => freePort()));
  const config = (index: number): ConfigObject => ({
    overlay: {
      name: 'example.org',
      listen: [`tls://127.0.0.1:${links[index]}`],
      // Two bootstrap peers that are never killed.
      ...(index === 0
        ? { first: true }
        : {
            bootstrap: [0, 1]
              .filter((peer) => peer !== index)
              .map((peer) => `tls://127.0.0.1:${links[peer]}`),
          }),
    },
    sip: index < 2 ? { domains: ['example.org'], listen: ['udp://127.0.0.1:0'] } : { mode: 'off' },
  });
  const peers: GatewayProcess[] = [];
  for (const index of links.keys()) peers.push(await startGateway(t, config(index), { users: accounts }));
  const callee = await TestPhone.open(t, { port: (peers[0] as GatewayProcess).sipPort() });
  const caller = await TestPhone.open(t, { port: (peers[1] as GatewayProcess).sipPort() });
  for (const user of users) t.is(statusOf(await callee.register(user, 3600)), 200);

  for (let round = 0; round < ROUNDS; round++) {
    const index = 2 + (round % 6);
    const victim = peers[index] as GatewayProcess;
    await (round % 2 === 0 ? victim.kill9() : victim.stop());
    for (const user of users) {
      const call = await caller.call('alice', user);
      t.is(call.status, 200, `round ${round}, ${user}: ${call.final.start}`);
      if (call.dialog) t.is(await caller.bye(call.dialog), 200);
    }
    const { directory } = victim;
    peers[index] = await startGateway(t, config(index), { directory, users: accounts });
    await eventually('one consistent ring', 30_000, () => ringIsConsistent(peers));
  }
});
