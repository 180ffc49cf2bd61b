import test from 'ava';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { inGroups, startTestnet, udpPort } from '../support/testnet.ts';
import { eventually } from '../support/wait.ts';

test('A2, A26, A33: 16 peers stand in 20 s, and 200 users of one gateway can be called from the other', async (t) => {
  t.timeout(120_000);
  const userCount = 200;
  const [table, child] = await startTestnet(t, '-n', '16', '--gateways', '2', '--users', String(userCount));
  t.true(table.ms < 20_000, `${table.ms} ms`);
  t.is(table.peers.length, 16);
  const order = table.peers.map(({ node }) => node).sort();
  for (const { node, successor } of table.peers)
    t.is(successor, order[(order.indexOf(node) + 1) % order.length]!);

  const callee = await TestPhone.open(t, { port: udpPort(table.peers[0]) });
  const caller = await TestPhone.open(t, { port: udpPort(table.peers[1]) });
  const users = Array.from({ length: userCount }, (_, i) => `u${String(i).padStart(6, '0')}`);
  await inGroups(users, 8, async (user) => {
    const response = await callee.register(user);
    t.is(statusOf(response), 200, `REGISTER of ${user}: ${response.start}`);
  });
  await inGroups(users, 8, async (user) => {
    const call = await caller.call('alice', user);
    t.is(call.status, 200, `call to ${user}: ${call.final.start}`);
    if (call.dialog) t.is(await caller.bye(call.dialog), 200);
  });
  child.kill('SIGTERM');
  await eventually('the end of the testnet', 15_000, () => child.exitCode !== null);
  t.is(child.exitCode, 0);
});
