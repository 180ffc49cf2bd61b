import { behaviour } from './behaviour.ts';
import { aliceAndBob, Edge } from './edge.ts';

behaviour(
  'RFC 3261 §17.1.2.2: timer E: a MESSAGE goes again after 0.5, 1, 2, 4 s and then every 4 s; timer F: for 32 s',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    alice.send('MESSAGE', bob.aor);
    const incoming = await bob.expect('MESSAGE');
    await edge.pass(60_000);
    t.deepEqual(
      bob.timesOf(incoming),
      [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
    );
  },
);

behaviour('RFC 3261 §17.1.2.2: after a provisional answer a request goes again every 4 s', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.send('MESSAGE', bob.aor);
  const incoming = await bob.expect('MESSAGE');
  await edge.pass(600);
  bob.answer(incoming, 100);
  await edge.pass(12_000);
  t.deepEqual(bob.timesOf(incoming), [0, 500, 1500, 5500, 9500]);
});

behaviour('RFC 3261 §17.1.2.2: over TCP a request is sent once', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.registered('bob', { transport: 'TCP' });
  alice.send('MESSAGE', bob.aor);
  const incoming = await bob.expect('MESSAGE');
  await edge.pass(60_000);
  t.is(bob.timesOf(incoming).length, 1);
});

behaviour(
  'RFC 3261 §17.2.2: timer J: a request that comes again within 32 s gets its final answer again',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const message = alice.send('MESSAGE', bob.aor);
    bob.answer(await bob.expect('MESSAGE'), 200);
    const ok = await alice.expect(200);
    await edge.pass(30_000);
    alice.write(message.text);
    await bob.expectNothing(1_000);
    t.is(alice.timesOf(ok).length, 2);
  },
);

behaviour('RFC 3261 §17.2.2: timer J has run out: what comes again is a new request', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const message = alice.send('MESSAGE', bob.aor);
  bob.answer(await bob.expect('MESSAGE'), 200);
  await alice.expect(200);
  await edge.pass(33_000);
  alice.write(message.text);
  t.is((await bob.expect('MESSAGE')).header('Call-ID'), message.header('Call-ID'));
});

behaviour(
  'RFC 3261 §17.2.2: a request that comes again before it is answered is not forwarded again',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const message = alice.send('MESSAGE', bob.aor);
    const incoming = await bob.expect('MESSAGE');
    alice.write(message.text);
    alice.write(message.text);
    await bob.expectNothing(400);
    t.deepEqual(bob.timesOf(incoming), [0]);
  },
);

behaviour(
  'RFC 4320 §4.1: a 100 for a request other than INVITE is sent when its client’s timer E has grown to 4 s, not before',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const sent = edge.now();
    alice.send('MESSAGE', bob.aor);
    await alice.expect(100, 10_000);
    t.is(Math.round((edge.now() - sent) / 100), 35);
  },
);

// Kamailio: a 180 to a MESSAGE is forwarded.
behaviour('RFC 4320 §4.1: no other provisional for a request other than INVITE is forwarded', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('MESSAGE', bob.aor);
  const incoming = await bob.expect('MESSAGE');
  for (const status of [180, 183]) bob.answer(incoming, status);
  await alice.expectNothing();
  bob.answer(incoming, 200);
  t.is((await alice.expect(200)).method, 'MESSAGE');
});

// Kamailio: 408 after 30 s.
behaviour(
  'RFC 4320 §4.2: nobody answers a MESSAGE: no 408, since its sender has given up by then',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('MESSAGE', bob.aor);
    await bob.expect('MESSAGE');
    await alice.expectNothing(120_000);
  },
);

behaviour(
  'RFC 4320 §4.2: a 408 that the callee sends to a request other than INVITE is not forwarded',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('MESSAGE', bob.aor);
    bob.answer(await bob.expect('MESSAGE'), 408);
    await alice.expectNothing(60_000);
  },
);

behaviour('RFC 4321 §1.2: an answer just before the sender gives up still reaches it', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.send('MESSAGE', bob.aor);
  const incoming = await bob.expect('MESSAGE');
  await edge.pass(31_000);
  bob.answer(incoming, 200);
  t.is((await alice.expect(200)).method, 'MESSAGE');
});

behaviour('RFC 3261 §17.1.2.2: timer K: an answer that comes again is absorbed', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.send('MESSAGE', bob.aor);
  const answer = bob.answer(await bob.expect('MESSAGE'), 200);
  const ok = await alice.expect(200);
  await edge.pass(1_000);
  bob.write(answer.text);
  await edge.pass(1_000);
  t.is(alice.timesOf(ok).length, 1);
});

behaviour(
  'RFC 3261 §16.7 step 5: of several phones that take a MESSAGE the first answer is passed on, and no other',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const second = await edge.registered('bob');
    alice.send('MESSAGE', bob.aor);
    const [one, two] = [await bob.expect('MESSAGE'), await second.expect('MESSAGE')];
    second.answer(two, 202);
    await alice.expect(202);
    bob.answer(one, 200);
    await alice.expectNothing();
    t.not(one.branch, two.branch);
  },
);

behaviour('RFC 3261 §17.2.2: an ACK that belongs to nothing is dropped without a word', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('ACK', bob.aor);
  await alice.expectNothing();
  await bob.expectNothing();
});
