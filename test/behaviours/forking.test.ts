import { behaviour } from './behaviour.ts';
import { aliceAndBob, forked, ringingBeside } from './edge.ts';
import type { Phone } from './phone.ts';

behaviour('RFC 3261 §16.6: all phones of a user ring at once', async (t) => {
  const { edge, alice, phones } = await forked(t, ['', '', '']);
  const sent = edge.now();
  alice.invite(phones[0]!);
  for (const phone of phones) await phone.expect('INVITE');
  t.true(edge.now() - sent < 10);
});

behaviour(
  'RFC 3261 §16.6 step 8: each copy has a branch of its own, and its phone’s Contact as Request-URI',
  async (t) => {
    const { alice, phones } = await forked(t);
    alice.invite(phones[0]!);
    const copies = [await phones[0]!.expect('INVITE'), await phones[1]!.expect('INVITE')];
    t.not(copies[0]!.branch, copies[1]!.branch);
    t.deepEqual(
      copies.map(({ uri }) => uri),
      phones.map(({ contact }) => contact),
    );
    t.is(copies[0]!.header('Call-ID'), copies[1]!.header('Call-ID'));
  },
);

behaviour(
  'RFC 3261 §16.7 step 5: every phone’s 180 reaches the caller, each with its own To tag',
  async (t) => {
    const { alice, phones } = await forked(t);
    alice.invite(phones[0]!);
    const tags = new Set<string | undefined>();
    for (const phone of phones) {
      phone.answer(await phone.expect('INVITE'), 180);
      tags.add((await alice.expect(180)).toTag);
    }
    t.is(tags.size, 2);
  },
);

behaviour('RFC 3261 §16.7 step 5: a 100 of a phone is not forwarded', async (t) => {
  const { edge, alice, phones } = await forked(t, ['']);
  alice.invite(phones[0]!);
  phones[0]!.answer(await phones[0]!.expect('INVITE'), 100);
  await edge.pass(150);
  t.is(alice.arrivals.length, 1, 'the 200 to REGISTER alone');
});

behaviour(
  'RFC 3261 §16.7 step 10: the first 200 goes to the caller, all other phones get a CANCEL',
  async (t) => {
    const { alice, phones } = await forked(t, ['', '', '']);
    const [first, ...others] = phones as [Phone, ...Phone[]];
    alice.invite(first);
    for (const phone of others) phone.answer(await phone.expect('INVITE'), 180);
    first.answer(await first.expect('INVITE'), 200);
    for (const phone of others) {
      await alice.expect(180);
      await phone.expect('CANCEL');
    }
    t.is((await alice.expect(200)).uriIn('Contact'), first.contact);
  },
);

behaviour(
  'RFC 3261 §16.7 step 5: a second 200, of a phone that answered before its CANCEL came, reaches the caller too',
  async (t) => {
    const { alice, phones } = await forked(t);
    const invite = alice.invite(phones[0]!);
    const copies = [await phones[0]!.expect('INVITE'), await phones[1]!.expect('INVITE')];
    for (const [index, phone] of phones.entries()) phone.answer(copies[index]!, 200);
    const answers = [await alice.expect(200), await alice.expect(200)];
    t.not(answers[0]!.toTag, answers[1]!.toTag);
    for (const [index, phone] of phones.entries()) {
      alice.ack(invite, answers[index]!);
      await phone.expect('ACK');
    }
  },
);

behaviour('RFC 3261 §16.7 step 5: 18x of the other phones are not forwarded once a 200 was', async (t) => {
  const { alice, phones } = await forked(t);
  const [first, second] = phones as [Phone, Phone];
  alice.invite(first);
  const other = await second.expect('INVITE');
  first.answer(await first.expect('INVITE'), 200);
  await alice.expect(200);
  second.answer(other, 180);
  await alice.expectNothing();
  await second.expect('CANCEL');
});

behaviour(
  'RFC 3261 §16.7 step 5: a 603 ends the ringing of all, and goes up when they have ended',
  async (t) => {
    const { alice, first, second, ringing, incoming } = await ringingBeside(t);
    first.answer(incoming, 603);
    await second.expect('CANCEL');
    await alice.expectNothing();
    second.answer(ringing, 487);
    t.is((await alice.expect(603)).method, 'INVITE');
  },
);

behaviour(
  'RFC 3261 §16.7 step 5: a phone that answers 200 while the others decline for all has the call',
  async (t) => {
    const { alice, first, second, ringing, incoming } = await ringingBeside(t);
    first.answer(incoming, 603);
    await second.expect('CANCEL');
    second.answer(ringing, 200);
    t.is((await alice.expect(200)).uriIn('Contact'), second.contact);
  },
);

behaviour(
  'RFC 3261 §16.7 step 3: an answer without a Via but ours was for us, and goes no further',
  async (t) => {
    const { alice, phones } = await forked(t, ['']);
    alice.invite(phones[0]!);
    const copy = await phones[0]!.expect('INVITE');
    phones[0]!.answer(copy, 200, { headers: { Via: copy.list('Via')[0] } });
    await alice.expectNothing();
  },
);

behaviour('RFC 3261 §16.7 step 3: our Via is off an answer, those below are as they came', async (t) => {
  const { alice, phones } = await forked(t, ['']);
  const below = 'SIP/2.0/TCP upstream.example:5070;branch=z9hG4bKup;x="a,b"';
  const request = alice.request('INVITE', phones[0]!.aor);
  alice.write(request.text.replace('\r\nMax-Forwards', `\r\nVia: ${below}\r\nMax-Forwards`));
  phones[0]!.answer(await phones[0]!.expect('INVITE'), 200);
  const ok = await alice.expect(200);
  t.deepEqual(ok.lines('Via'), [...request.lines('Via'), below]);
});

// Kamailio: all at once, unless the script asks for serial forking.
behaviour(
  'RFC 3261 §16.6: phones of a lower q are tried when those of a higher one have failed',
  async (t) => {
    const { alice, phones } = await forked(t, [';q=1', ';q=0.5', ';q=0.5']);
    const [desk, ...others] = phones as [Phone, ...Phone[]];
    alice.invite(desk);
    const incoming = await desk.expect('INVITE');
    for (const phone of others) await phone.expectNothing(500);
    desk.answer(incoming, 486);
    for (const phone of others) t.is((await phone.expect('INVITE')).uri, phone.contact);
    await alice.expectNothing();
  },
);

behaviour('RFC 3261 §16.7 step 5: after a 6xx no phone of a lower q is tried', async (t) => {
  const { alice, phones } = await forked(t, [';q=1', ';q=0.5']);
  alice.invite(phones[0]!);
  phones[0]!.answer(await phones[0]!.expect('INVITE'), 603);
  await alice.expect(603);
  await phones[1]!.expectNothing(30_000);
});

behaviour('RFC 3261 §16.6: phones of a lower q wait 20 s at most for others that ring', async (t) => {
  const { edge, alice, phones } = await forked(t, [';q=1', ';q=0.5']);
  alice.invite(phones[0]!);
  phones[0]!.answer(await phones[0]!.expect('INVITE'), 180);
  const sent = edge.now();
  await phones[0]!.expect('CANCEL', 30_000);
  t.is(Math.round((edge.now() - sent) / 1000), 20);
  await phones[1]!.expectNothing(100);
});

// Kamailio: fr_inv_timer, 120 s as configured.
behaviour('RFC 3261 §16.7 step 2: timer C: a phone that rings for 3 minutes gets a CANCEL', async (t) => {
  const { edge, alice, phones } = await forked(t, ['']);
  const [phone] = phones as [Phone];
  alice.invite(phone);
  const incoming = await phone.expect('INVITE');
  phone.answer(incoming, 180);
  const rang = edge.now();
  await phone.expect('CANCEL', 200_000);
  t.is(Math.round((edge.now() - rang) / 1000), 180);
  phone.answer(incoming, 487);
  await alice.expect(180);
  await alice.expect(408);
});

behaviour('RFC 3261 §16.7 step 2: every 101-199 sets timer C anew', async (t) => {
  const { edge, alice, phones } = await forked(t, ['']);
  const [phone] = phones as [Phone];
  alice.invite(phone);
  const incoming = await phone.expect('INVITE');
  phone.answer(incoming, 180);
  await edge.pass(150_000);
  phone.answer(incoming, 183);
  await edge.pass(150_000);
  phone.answer(incoming, 182);
  await phone.expectNothing(170_000);
  await phone.expect('CANCEL', 20_000);
});

behaviour('RFC 3261 §16.7 step 2: a 100 does not set timer C anew', async (t) => {
  const { edge, alice, phones } = await forked(t, ['']);
  const [phone] = phones as [Phone];
  alice.invite(phone);
  const incoming = await phone.expect('INVITE');
  phone.answer(incoming, 180);
  await edge.pass(150_000);
  phone.answer(incoming, 100);
  await phone.expect('CANCEL', 31_000);
});

behaviour('RFC 3261 §16.8: timer C of one phone does not end the ringing of another', async (t) => {
  const { edge, alice, phones } = await forked(t);
  const [first, second] = phones as [Phone, Phone];
  alice.invite(first);
  const [one, two] = [await first.expect('INVITE'), await second.expect('INVITE')];
  first.answer(one, 180);
  await edge.pass(20_000);
  second.answer(two, 180);
  await first.expect('CANCEL', 170_000);
  first.answer(one, 487);
  second.answer(two, 200);
  await alice.expect(180);
  await alice.expect(180);
  t.is((await alice.expect(200)).uriIn('Contact'), second.contact);
});

behaviour('RFC 3261 §16.5: a user of ours without a phone is 480, one that nobody knows 404', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.invite('sip:dave@example.org');
  await alice.expect(480);
  alice.invite('sip:nobody@example.org');
  await alice.expect(404);
});

behaviour('RFC 3261 §16.7: an answer goes up with headers and body as the phone wrote them', async (t) => {
  const { alice, phones } = await forked(t, ['']);
  const headers = {
    Warning: '399 phone "no, not now"',
    'X-Odd': 'a ;b',
    'Retry-After': '18000;duration=3600',
  };
  alice.invite(phones[0]!);
  phones[0]!.answer(await phones[0]!.expect('INVITE'), 480, { headers, body: 'why\r\nnot \xe9' });
  const final = await alice.expect(480);
  for (const [name, value] of Object.entries(headers)) t.is(final.header(name), value);
  t.is(final.body, 'why\r\nnot \xe9');
});
