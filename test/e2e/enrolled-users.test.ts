import test from 'ava';
import { KeyedHash } from '../../src/sip/auth/keyed-hash.ts';
import { formatNonce } from '../../src/sip/auth/nonce.ts';
import { credentials } from '../support/digest.ts';
import { EnrolledSite } from '../support/enrolled-site.ts';
import { ringIsConsistent } from '../support/overlay.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

test.serial(
  'T2 T16: users register at any adapter peer and call; removed, 403 and 404 within 60 s, and the call goes on',
  async (t) => {
    t.timeout(180_000);
    const site = await EnrolledSite.create(t, ['alice', 'bob']);
    const peers = [await site.startPeer('gw1'), await site.startPeer('gw2')] as const;
    await eventually('one ring', 10_000, () => ringIsConsistent(peers));
    const [first, second] = [
      await TestPhone.open(t, { port: peers[0].sipPort() }),
      await TestPhone.open(t, { port: peers[1].sipPort() }),
    ];
    t.is(statusOf(await first.register('alice')), 200);
    t.is(statusOf(await second.register('bob')), 200);
    t.is(statusOf(await second.register('alice')), 200, 'a user created once registers anywhere');
    const call = await first.call('alice', 'bob');
    t.is(call.status, 200);
    t.is((await first.call('alice', 'bob')).status, 200);

    await site.removeUser('bob');
    const removed = performance.now();
    await eventually('403 at both peers', 60_000, async () => {
      const answers = [await second.register('bob'), await first.register('bob')].map(statusOf);
      return answers.every((status) => status === 403);
    });
    await eventually('404 to new calls', 60_000 - (performance.now() - removed), async () => {
      return (await first.call('alice', 'bob')).status === 404;
    });
    t.log(`${((performance.now() - removed) / 1000).toFixed(1)} s`);
    t.is(await first.bye(call.dialog!), 200, 'the call was not cut');
    t.is(second.hungUp.length, 1);
    t.is(await second.bye(second.answered[1]!), 200, 'nor the one that he ends himself');
    t.is(statusOf(await first.register('alice')), 200, 'nobody else is hurt');

    await site.addUser('bob');
    await eventually('bob, created anew, registers', 60_000, async () => {
      return statusOf(await second.register('bob')) === 200;
    });
    await eventually('and is called', 10_000, async () => (await first.call('alice', 'bob')).status === 200);
  },
);

test.serial(
  'A22 T2: without enrollment server and bootstrap node a peer rejoins, and knows its phones; others get 504',
  async (t) => {
    t.timeout(120_000);
    const site = await EnrolledSite.create(t, ['alice', 'bob']);
    const gw1 = await site.startPeer('gw1');
    const gw2 = await site.startPeer('gw2');
    const gw3 = await site.startPeer('gw3');
    await eventually('one ring', 10_000, () => ringIsConsistent([gw1, gw2, gw3]));
    const before = await TestPhone.open(t, { port: gw2.sipPort() });
    t.is(statusOf(await before.register('alice')), 200);

    await site.stopServer();
    await gw1.stop();
    await gw2.stop();
    const again = await site.startPeer('gw2');
    await eventually('rejoined by way of a cached peer', 20_000, () => ringIsConsistent([again, gw3]));
    const phone = await TestPhone.open(t, { port: again.sipPort() });
    t.is(statusOf(await phone.register('alice')), 200);
    t.is(statusOf(await phone.register('bob')), 504);
    const caller = await TestPhone.open(t, { port: gw3.sipPort() });
    t.is(statusOf(await caller.register('bob')), 504);

    await site.startServer();
    await eventually(
      'the server is noticed',
      45_000,
      async () => statusOf(await phone.register('bob')) === 200,
    );
  },
);

test.serial(
  'T2: a peer without the adapter flag gets no certificate for a user, and both sides say so',
  async (t) => {
    const site = await EnrolledSite.create(t, ['alice']);
    const gw1 = await site.startPeer('gw1', { adapter: false });
    const phone = await TestPhone.open(t, { port: gw1.sipPort() });
    t.is(statusOf(await phone.register('alice')), 504);
    t.regex(gw1.stderr, /its account has no adapter flag/);
    t.regex(site.serverLog, /only adapter peers get.*gw1@example\.org is not one/);
  },
);

test.serial(
  'T2: over the wire, an adapter peer gets no certificate without the digest response of that very user, now',
  async (t) => {
    const site = await EnrolledSite.create(t, ['alice', 'bob']);
    const gw1 = await site.startPeer('gw1');
    const { exchange, close } = site.exchangeAs(gw1);
    t.teardown(close);
    const { node, keys, now } = await exchange.keys();
    const nonce = (time: number, issuer = node) =>
      formatNonce({ time, boot: 'cafe0000', serial: time, issuer }, new KeyedHash(keys[0]!.key));
    const verdict = async (aor: string, authorization: string) =>
      (await exchange.prove([{ aor, authorization }]))[0]!.verdict;
    const alice = 'alice@example.org';
    const fresh = credentials({ nonce: nonce(now) });
    for (const [expected, reason, aor, authorization] of [
      ['wrong', 'malformed', alice, 'Digest'],
      ['wrong', 'wrong', alice, credentials({ nonce: nonce(now), password: 'guess' })],
      ['wrong', 'wrong', alice, credentials({ nonce: nonce(now), method: 'INVITE' })],
      ['wrong', 'other-user', 'bob@example.org', fresh],
      ['stale', 'stale', alice, credentials({ nonce: nonce(now - 61_000) })],
      ['stale', 'foreign-nonce', alice, credentials({ nonce: nonce(now, '2'.repeat(32)) })],
      ['right', '', alice, fresh],
      ['stale', 'replayed', alice, fresh],
    ] as const) {
      t.is(await verdict(aor, authorization), expected, reason);
      if (reason === '') continue;
      const line = new RegExp(`no registration certificate .*${aor}.*${reason}.*gw1@example\\.org`);
      await eventually(`the log says ${reason}`, 5_000, () => line.test(site.serverLog));
    }
  },
);

test.serial('T2: 100 phones that wake at once get their 200 within 5 s', async (t) => {
  t.timeout(120_000);
  const users = Array.from({ length: 100 }, (_, i) => `user${i}`);
  const site = await EnrolledSite.create(t, []);
  await site.addUsers(users);
  const gw1 = await site.startPeer('gw1');
  const phone = await TestPhone.open(t, { port: gw1.sipPort() });
  const began = performance.now();
  const answers = await Promise.all(users.map((user) => phone.register(user)));
  const took = performance.now() - began;
  t.log(`${took.toFixed(0)} ms`);
  t.true(answers.every((answer) => statusOf(answer) === 200));
  t.true(took < 5000, `${took} ms`);
});
