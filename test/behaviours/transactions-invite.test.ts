import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, Edge } from './edge.ts';

// Kamailio: 100 at once, always.
behaviour('RFC 3261 §17.2.1: when nobody answers within 200 ms the caller gets a 100 of ours', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  await bob.expect('INVITE');
  await edge.pass(195);
  t.false(alice.arrivals.some(({ message }) => message.status === 100));
  const trying = await alice.expect(100);
  t.is(trying.toTag, undefined);
});

behaviour('RFC 3261 §17.2.1: no 100 where the callee answers sooner', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 180);
  await edge.pass(10_000);
  t.deepEqual(
    alice.arrivals.slice(1).map(({ message }) => message.status),
    [180],
  );
});

behaviour('RFC 3261 §8.2.6.1: a 100 has the Timestamp of the request', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { Timestamp: '54.25' } });
  t.is((await alice.expect(100)).header('Timestamp'), '54.25');
});

behaviour(
  'RFC 3261 §17.2.1: an INVITE that comes again gets the last provisional again and is not forwarded',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob);
    bob.answer(await bob.expect('INVITE'), 180);
    const ringing = await alice.expect(180);
    alice.write(invite.text);
    await edge.pass(100);
    t.is(alice.timesOf(ringing).length, 2);
    await bob.expectNothing();
  },
);

behaviour(
  'RFC 3261 §17.2.1: timer G: a failure goes again after 0.5, 1, 2, 4 s and then every 4 s; timer H: for 32 s',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    alice.invite(bob);
    bob.answer(await bob.expect('INVITE'), 486);
    const busy = await alice.expect(486);
    await edge.pass(60_000);
    t.deepEqual(
      alice.timesOf(busy),
      [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
    );
  },
);

behaviour('RFC 3261 §17.2.1: the ACK ends the repetition of a failure, and goes no further', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 486);
  await bob.expect('ACK');
  const busy = await alice.expect(486);
  alice.ack(invite, busy);
  await edge.pass(60_000);
  t.is(alice.timesOf(busy).length, 1);
  await bob.expectNothing();
});

behaviour('RFC 3261 §17.2.1: timer I: an ACK that comes again is absorbed', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 486);
  await bob.expect('ACK');
  const ack = alice.ack(invite, await alice.expect(486));
  await edge.pass(2_000);
  alice.write(ack.text);
  await bob.expectNothing();
  await alice.expectNothing();
});

behaviour('RFC 3261 §17.2.1: over TCP a failure is sent once', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice', { transport: 'TCP' });
  const bob = await edge.registered('bob');
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 486);
  const busy = await alice.expect(486);
  await edge.pass(60_000);
  t.is(alice.timesOf(busy).length, 1);
});

behaviour(
  'RFC 3261 §17.1.1.2: timer A: an INVITE goes again after 0.5, 1, 2, 4, 8, 16 s; timer B: for 32 s',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    alice.invite(bob);
    const incoming = await bob.expect('INVITE');
    await edge.pass(60_000);
    t.deepEqual(bob.timesOf(incoming), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
  },
);

behaviour('RFC 3261 §17.1.1.2: a provisional answer ends the repetition of an INVITE', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const incoming = await bob.expect('INVITE');
  await edge.pass(1_000);
  bob.answer(incoming, 100);
  await edge.pass(60_000);
  t.deepEqual(bob.timesOf(incoming), [0, 500]);
});

behaviour('RFC 3261 §17.1.1.2: over TCP an INVITE is sent once', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.registered('bob', { transport: 'TCP' });
  alice.invite(bob);
  const incoming = await bob.expect('INVITE');
  await edge.pass(60_000);
  t.is(bob.timesOf(incoming).length, 1);
});

behaviour(
  'RFC 3261 §17.1.1.3: our ACK for a failure has the INVITE’s top Via alone, its Request-URI and Route, the answer’s To',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.phone('bob');
    // The phone is its own first proxy: the Path leads to itself.
    const path = `<sip:${bob.sentBy};lr>`;
    await bob.register({ headers: { Path: path, Supported: 'path' } });
    alice.invite(bob);
    const invite = await bob.expect('INVITE');
    bob.answer(invite, 486, { tag: 'busy' });
    const ack = await bob.expect('ACK');
    t.deepEqual(ack.list('Via'), [invite.list('Via')[0]]);
    t.deepEqual([ack.uri, ack.header('Route')], [invite.uri, path]);
    t.deepEqual([ack.toTag, ack.header('CSeq')], ['busy', `${invite.cseq} ACK`]);
    t.is(ack.header('From'), invite.header('From'));
  },
);

behaviour(
  'RFC 3261 §17.1.1.2: timer D: a failure that comes again is acknowledged again, and not forwarded',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob);
    const busy = bob.answer(await bob.expect('INVITE'), 486);
    const ack = await bob.expect('ACK');
    alice.ack(invite, await alice.expect(486));
    await edge.pass(5_000);
    bob.write(busy.text);
    await edge.pass(100);
    t.is(bob.timesOf(ack).length, 2);
    await alice.expectNothing();
  },
);

behaviour('RFC 3261 §17.1.3: an answer whose branch is not ours to match is dropped', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const incoming = await bob.expect('INVITE');
  const forged = bob.answer(incoming, 100).text.replace(incoming.branch, `${incoming.branch}x`);
  bob.write(forged.replace('100 Answer', '200 OK'));
  await alice.expectNothing();
});

behaviour('RFC 3261 §17.1.3: an answer with our branch and another method in CSeq is dropped', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const incoming = await bob.expect('INVITE');
  bob.answer(incoming, 200, { headers: { CSeq: `${incoming.cseq} BYE` } });
  await alice.expectNothing();
  bob.answer(incoming, 200);
  t.is((await alice.expect(200)).method, 'INVITE');
});

behaviour('RFC 3261 §17.2.3: the same branch from another sent-by is another transaction', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const carol = await edge.registered('carol');
  for (const caller of [alice, carol]) {
    caller.invite(bob, { branch: 'z9hG4bKsame' });
    t.is((await bob.expect('INVITE')).header('From'), `<${caller.aor}>;tag=${caller.user}`);
  }
});

behaviour(
  'RFC 3261 §17.2.3: without the branch cookie Request-URI, tags, Call-ID, CSeq and Via tell that it is the same',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob, { branch: '1' });
    bob.answer(await bob.expect('INVITE'), 486);
    await bob.expect('ACK');
    const busy = await alice.expect(486);
    alice.write(invite.text);
    await edge.pass(100);
    t.is(alice.timesOf(busy).length, 2);
    alice.ack(invite, busy);
    await edge.pass(10_000);
    t.is(alice.timesOf(busy).length, 2);
    await bob.expectNothing();
  },
);

behaviour(
  'RFC 3261 §8.2.2.2: a call that reaches us twice is forwarded twice: the phone tells that it is one',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const first = alice.invite(bob);
    await bob.expect('INVITE');
    alice.write(first.text.replace(first.branch, 'z9hG4bKother'));
    t.is((await bob.expect('INVITE')).header('Call-ID'), first.header('Call-ID'));
  },
);

behaviour('RFC 6026 §7.1: an INVITE that comes again after its 2xx is absorbed', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { invite, ok } = await call(alice, bob);
  await edge.pass(5_000);
  alice.write(invite.text);
  await bob.expectNothing();
  t.is(alice.timesOf(ok).length, 1);
});

behaviour('RFC 6026 §7.2: each repetition of a 2xx is passed on, and each ACK for it', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  const answer = bob.answer(await bob.expect('INVITE'), 200);
  const ok = await alice.expect(200);
  await edge.pass(500);
  bob.write(answer.text);
  await edge.pass(1_000);
  bob.write(answer.text);
  await edge.pass(10);
  t.is(alice.timesOf(ok).length, 3);
  alice.ack(invite, ok);
  await bob.expect('ACK');
});

behaviour('RFC 6026 §8.2: a 2xx that comes when timers L and M have run out is dropped', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  const answer = bob.answer(await bob.expect('INVITE'), 200);
  alice.ack(invite, await alice.expect(200));
  await bob.expect('ACK');
  await edge.pass(33_000);
  bob.write(answer.text);
  await alice.expectNothing();
  t.is(
    alice.arrivals.filter(({ message }) => message.status === 200 && message.method === 'INVITE').length,
    1,
  );
});

behaviour('RFC 6026 §7.1: no failure is sent after a 2xx', async (t) => {
  const { edge, alice } = await aliceAndBob(t);
  const [one, two] = [await edge.registered('carol'), await edge.registered('carol')];
  alice.invite(one);
  one.answer(await one.expect('INVITE'), 200);
  await alice.expect(200);
  two.answer(await two.expect('INVITE'), 603);
  await two.expect('ACK');
  await alice.expectNothing(5_000);
});

behaviour(
  'RFC 3261 §17.1.4: a phone whose connection breaks before it answers counts as unreachable: 480',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.registered('bob', { transport: 'TCP' });
    alice.invite(bob);
    await bob.expect('INVITE');
    bob.disconnect();
    t.is((await alice.expect(480)).method, 'INVITE');
  },
);
