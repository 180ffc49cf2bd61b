import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';
import type { Headers } from './message.ts';
import type { Phone } from './phone.ts';

/** Alice calls Bob, whose phones have these Contact parameters, with such headers; gives which of them ring at once. */
async function rung(t: ExecutionContext, params: readonly string[], headers: Headers, method = 'INVITE') {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const phones: Phone[] = [];
  for (const text of params) {
    phones.push(await edge.registered('bob', { register: { params: text } }));
    await edge.pass(1_000);
  }
  alice.send(method, 'sip:bob@example.org', { headers });
  await edge.pass(100);
  const ringing = phones.map(({ arrivals }) => arrivals.some(({ message }) => message.method === method));
  return { edge, alice, phones, ringing };
}

behaviour(
  'RFC 3841 §7.2.4: Accept-Contact with require leaves out phones that say they are otherwise',
  async (t) => {
    const { ringing } = await rung(t, [';mobility="fixed"', ';audio'], {
      'Accept-Contact': '*;mobility="mobile";require',
    });
    t.deepEqual(ringing, [false, true]);
  },
);

behaviour(
  'RFC 3841 §7.2.4: with require and explicit a phone that does not mention it is left out too',
  async (t) => {
    const { ringing } = await rung(t, [';mobility="fixed"', ';mobility="mobile"', ';audio'], {
      'Accept-Contact': '*;mobility="mobile";require;explicit',
    });
    t.deepEqual(ringing, [false, true, false]);
  },
);

behaviour('RFC 3841 §7.2.4: a phone that says nothing of itself is immune', async (t) => {
  const { ringing } = await rung(t, [';mobility="fixed"', ''], {
    'Accept-Contact': '*;video;require;explicit',
  });
  t.deepEqual(ringing, [false, true]);
});

behaviour('RFC 3841 §7.2.4: Accept-Contact without require decides who rings first', async (t) => {
  const { ringing, phones } = await rung(t, [';mobility="fixed"', ';mobility="mobile"'], {
    'Accept-Contact': '*;mobility="mobile"',
  });
  t.deepEqual(ringing, [false, true]);
  phones[1]!.answer(await phones[1]!.expect('INVITE'), 486);
  t.is((await phones[0]!.expect('INVITE')).uri, phones[0]!.contact);
});

behaviour('RFC 3841 §7.2.4: Reject-Contact leaves out phones that say they are so', async (t) => {
  const { ringing } = await rung(t, [';actor="msg-taker";audio', ';audio', ''], {
    'Reject-Contact': '*;actor="msg-taker"',
  });
  t.deepEqual(ringing, [false, true, true]);
});

behaviour('RFC 3841 §7.2.4: the callee’s q counts before the caller’s preference', async (t) => {
  const { ringing } = await rung(t, [';q=1;mobility="fixed"', ';q=0.5;mobility="mobile"'], {
    'Accept-Contact': '*;mobility="mobile"',
  });
  t.deepEqual(ringing, [true, false]);
});

behaviour('RFC 3841 §7.2.2: a phone that lists its methods without this one is left out', async (t) => {
  const { ringing } = await rung(
    t,
    [';methods="INVITE,BYE"', ';methods="INVITE,MESSAGE"', ''],
    {},
    'MESSAGE',
  );
  t.deepEqual(ringing, [false, true, true]);
});

behaviour('RFC 3841 §7.2.2: where all phones lack the method one of them shall say so itself', async (t) => {
  const { ringing } = await rung(t, [';methods="INVITE,BYE"'], {}, 'MESSAGE');
  t.deepEqual(ringing, [true]);
});

behaviour(
  'RFC 3841 §7.2.2: a phone that lists its event packages gets no SUBSCRIBE to another',
  async (t) => {
    const phones = [';methods="SUBSCRIBE";events="dialog"', ';methods="SUBSCRIBE";events="presence"'];
    const { ringing } = await rung(t, phones, { Event: 'dialog' }, 'SUBSCRIBE');
    t.deepEqual(ringing, [true, false]);
  },
);

behaviour(
  'RFC 3841 §9.1: Request-Disposition no-fork: one phone rings, the one that registered last',
  async (t) => {
    const { edge, alice, phones, ringing } = await rung(t, ['', '', ''], {
      'Request-Disposition': 'no-fork',
    });
    t.deepEqual(ringing, [false, false, true]);
    phones[2]!.answer(await phones[2]!.expect('INVITE'), 486);
    await alice.expect(486);
    await edge.pass(1_000);
    t.is(phones[0]!.arrivals.length + phones[1]!.arrivals.length, 2, 'their 200s to REGISTER');
  },
);

behaviour('RFC 3841 §9.1: Request-Disposition sequential: one phone after the other', async (t) => {
  const { ringing, phones } = await rung(t, ['', ''], { 'Request-Disposition': 'sequential' });
  t.is(ringing.filter(Boolean).length, 1);
  const [first, second] = ringing[0] ? phones : phones.toReversed();
  first!.answer(await first!.expect('INVITE'), 480);
  t.is((await second!.expect('INVITE')).uri, second!.contact);
});

behaviour('RFC 3841 §9.1: Request-Disposition parallel: all at once, whatever their q', async (t) => {
  const { ringing } = await rung(t, [';q=1', ';q=0.1'], { 'Request-Disposition': 'parallel' });
  t.deepEqual(ringing, [true, true]);
});

behaviour('RFC 3841 §7: the caller’s preferences go on to the phone', async (t) => {
  const headers = { 'Accept-Contact': '*;audio', 'Reject-Contact': '*;video', 'Request-Disposition': 'fork' };
  const { phones } = await rung(t, [''], headers);
  const invite = await phones[0]!.expect('INVITE');
  for (const [name, value] of Object.entries(headers)) t.is(invite.header(name), value);
});

behaviour('RFC 3841 §7.2.4: a malformed preference is no preference', async (t) => {
  const { ringing } = await rung(t, [';mobility="fixed"'], { 'Accept-Contact': 'mobility="mobile";require' });
  t.deepEqual(ringing, [true]);
});

behaviour('RFC 3841 §7.2.4: nobody is as the caller requires: 480', async (t) => {
  const { alice } = await rung(t, [';mobility="fixed"'], { 'Accept-Contact': '*;mobility="mobile";require' });
  t.is((await alice.expect(480)).method, 'INVITE');
});
