import test from 'ava';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { inGroups, startTestnet, udpPort } from '../support/testnet.ts';

test('A33: 64 peers stand, and 1,000 users of one gateway can be called from the other', async (t) => {
  t.timeout(600_000);
  const userCount = 1000;
  const [table] = await startTestnet(t, '-n', '64', '--gateways', '2', '--users', String(userCount));
  t.is(table.peers.length, 64);
  const callee = await TestPhone.open(t, { port: udpPort(table.peers[0]) });
  const caller = await TestPhone.open(t, { port: udpPort(table.peers[1]) });
  const users = Array.from({ length: userCount }, (_, i) => `u${String(i).padStart(6, '0')}`);
  await inGroups(users, 8, async (user) => {
    const response = await callee.register(user, 3600);
    t.is(statusOf(response), 200, `REGISTER of ${user}: ${response.start}`);
  });
  await inGroups(users, 8, async (user) => {
    const call = await caller.call('alice', user);
    t.is(call.status, 200, `call to ${user}: ${call.final.start}`);
    if (call.dialog) t.is(await caller.bye(call.dialog), 200);
  });
});
