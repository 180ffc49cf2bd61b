import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { forked, ringingBeside } from './edge.ts';
import type { AnswerOptions } from './phone.ts';

/** Each of Carol's phones answers with its own final status; gives what Alice gets. */
async function bestOf(t: ExecutionContext, ...finals: [status: number, options?: AnswerOptions][]) {
  const { alice, phones } = await forked(
    t,
    finals.map(() => ''),
  );
  alice.invite(phones[0]!);
  for (const [index, [status, options]] of finals.entries()) {
    const phone = phones[index]!;
    phone.answer(await phone.expect('INVITE'), status, options);
  }
  return { alice, phones };
}

behaviour('RFC 3261 §16.7 step 6: 6xx before all others', async (t) => {
  const { alice } = await bestOf(t, [486], [600]);
  t.is((await alice.expect(600)).method, 'INVITE');
});

behaviour(
  'RFC 3261 §16.7 step 6: among final answers the lowest class wins: 302 before 404 and 500',
  async (t) => {
    const { alice } = await bestOf(
      t,
      [500],
      [404],
      [302, { headers: { Contact: '<sip:c@elsewhere.example>' } }],
    );
    t.is((await alice.expect(302)).uriIn('Contact'), 'sip:c@elsewhere.example');
  },
);

behaviour('RFC 3261 §16.7 step 6: 4xx before 5xx', async (t) => {
  const { alice } = await bestOf(t, [500], [480]);
  t.is((await alice.expect(480)).method, 'INVITE');
});

behaviour('RFC 3261 §16.7 step 6: a challenge before any other 4xx', async (t) => {
  const headers = { 'WWW-Authenticate': 'Digest realm="x", nonce="1"' };
  const { alice } = await bestOf(t, [486], [401, { headers }]);
  t.is((await alice.expect(401)).header('WWW-Authenticate'), headers['WWW-Authenticate']);
});

behaviour(
  'RFC 3261 §16.7 step 6: what tells the caller how to ask again, 415, 420 or 484, before a plain 4xx',
  async (t) => {
    const { alice } = await bestOf(t, [404], [486], [415, { headers: { Accept: 'text/plain' } }]);
    t.is((await alice.expect(415)).header('Accept'), 'text/plain');
  },
);

// Kamailio: the lowest code: 404.
behaviour('RFC 3261 §16.7 step 6: a busy phone before one that is not there', async (t) => {
  const { alice } = await bestOf(t, [480], [486], [404]);
  t.is((await alice.expect(486)).method, 'INVITE');
});

behaviour('RFC 3261 §16.7 step 6: a 503 of a phone says nothing about us: the caller gets 500', async (t) => {
  const { alice } = await bestOf(t, [503, { headers: { 'Retry-After': '600' } }]);
  t.is((await alice.expect(500)).header('Retry-After'), '');
});

// Kamailio: 408 before 486, after 30 s.
behaviour(
  'RFC 3261 §16.7 step 6: nobody answers but one phone is busy: the silence of the others hides it for 8 s at most',
  async (t) => {
    const { edge, alice, phones } = await forked(t);
    const sent = edge.now();
    alice.invite(phones[0]!);
    phones[0]!.answer(await phones[0]!.expect('INVITE'), 486);
    await alice.expect(486, 40_000);
    t.is(Math.round((edge.now() - sent) / 1000), 8);
  },
);

behaviour('RFC 3261 §16.7 step 6: the final answer waits for the phones that still ring', async (t) => {
  const { alice, first, second, ringing, incoming } = await ringingBeside(t);
  first.answer(incoming, 486);
  await first.expect('ACK');
  await alice.expectNothing(60_000);
  second.answer(ringing, 480);
  t.is((await alice.expect(486)).method, 'INVITE');
});

behaviour('RFC 3261 §16.7 step 9: exactly one failure reaches the caller', async (t) => {
  const { alice } = await bestOf(t, [486], [486], [404]);
  await alice.expect(486);
  await alice.expectNothing(100);
});

behaviour('RFC 3261 §8.1.3.2: an answer of an unknown status goes up as it is', async (t) => {
  const { alice } = await bestOf(t, [499]);
  t.is((await alice.expect(499)).start, 'SIP/2.0 499 Answer');
});

behaviour(
  'RFC 3261 §16.7 step 6: a phone that was never reached does not hide the answer of another',
  async (t) => {
    const { edge, alice, phones } = await forked(t);
    const unreachable = await edge.registered('carol', { transport: 'TCP' });
    unreachable.disconnect();
    await edge.pass(10);
    alice.invite(phones[0]!);
    for (const phone of phones) phone.answer(await phone.expect('INVITE'), 486);
    t.is((await alice.expect(486)).method, 'INVITE');
  },
);
