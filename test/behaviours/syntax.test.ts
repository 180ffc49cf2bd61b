import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { aliceAndBob, Edge } from './edge.ts';
import type { Message } from './message.ts';
import type { Phone } from './phone.ts';

/** Sends Alice's INVITE to Bob rewritten, and gives what Bob gets. */
async function forwarded(
  t: ExecutionContext,
  rewrite: (text: string) => string,
): Promise<Message & { phones: Phone[] }> {
  const { alice, bob } = await aliceAndBob(t);
  alice.write(rewrite(alice.request('INVITE', bob.aor, { body: 'v=0\r\n' }).text));
  return Object.assign(await bob.expect('INVITE'), { phones: [alice, bob] });
}

/** Sends Alice's INVITE to Bob rewritten: it is refused with this status, and goes no further. */
async function refused(
  t: ExecutionContext,
  status: number,
  rewrite: (text: string) => string,
): Promise<Message> {
  const { alice, bob } = await aliceAndBob(t);
  alice.write(rewrite(alice.request('INVITE', bob.aor, { body: 'v=0\r\n' }).text));
  const refusal = await alice.expect(status);
  await bob.expectNothing();
  return refusal;
}

/** Sends Alice's INVITE to Bob rewritten: nothing comes of it. */
async function ignored(t: ExecutionContext, rewrite: (text: string) => string): Promise<void> {
  const { alice, bob } = await aliceAndBob(t);
  alice.write(rewrite(alice.request('INVITE', bob.aor, { body: 'v=0\r\n' }).text));
  await alice.expectNothing();
  await bob.expectNothing();
}

const without = (name: string) => (text: string) => text.replace(new RegExp(`^${name}: .*\r\n`, 'm'), '');

behaviour('RFC 3261 §7.3.3: compact header names mean what the long ones mean', async (t) => {
  const { phones } = await forwarded(t, (text) =>
    text
      .replace('Via:', 'v:')
      .replace('From:', 'f:')
      .replace('To:', 't:')
      .replace('Call-ID:', 'i:')
      .replace('Contact:', 'm:')
      .replace('Content-Length:', 'l:'),
  );
  t.is(phones.length, 2);
});

behaviour('RFC 3261 §7.3.1: header names may be written in any case', async (t) => {
  const got = await forwarded(t, (text) =>
    text
      .replace('Via:', 'vIA:')
      .replace('From:', 'FROM:')
      .replace('Call-ID:', 'cALL-iD:')
      .replace('CSeq:', 'CSEQ:'),
  );
  t.true(got.text.includes('\r\nFROM: '));
});

behaviour('RFC 3261 §7.3.1: a header line may be folded', async (t) => {
  const got = await forwarded(t, (text) =>
    text.replace('From: ', 'From:\r\n \r\n\t').replace('Via: SIP/2.0/UDP ', 'Via: SIP/2.0/UDP\r\n '),
  );
  t.is(got.list('Via').length, 2);
});

behaviour('RFC 3261 §25.1: white space may stand before a header’s colon', async (t) => {
  const got = await forwarded(t, (text) => text.replace('From:', 'From \t:').replace('CSeq:', 'CSeq  :'));
  t.is(got.header('From'), '<sip:alice@example.org>;tag=alice');
});

behaviour(
  'RFC 3261 §7.3.1: several Vias in one line are several Vias, and come back in their order',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const request = alice.request('INVITE', bob.aor);
    const more = 'SIP/2.0/TCP b.example;branch=z9hG4bKb, SIP/2.0/UDP a.example:5070;branch=z9hG4bKa';
    alice.write(request.text.replace('\r\nMax-Forwards', `, ${more}\r\nMax-Forwards`));
    const copy = await bob.expect('INVITE');
    t.is(copy.list('Via').length, 4);
    bob.answer(copy, 486);
    t.deepEqual((await alice.expect(486)).list('Via'), [...request.list('Via'), ...more.split(', ')]);
  },
);

behaviour('RFC 3261 §25.1: white space around the slashes of a Via is allowed', async (t) => {
  const got = await forwarded(t, (text) => text.replace('Via: SIP/2.0/UDP ', 'Via: SIP / 2.0\t/ UDP  '));
  t.is(got.list('Via').length, 2);
});

behaviour('RFC 3261 §7.5: line breaks before a request are passed over', async (t) => {
  const got = await forwarded(t, (text) => `\r\n\r\n${text}`);
  t.is(got.method, 'INVITE');
});

behaviour('RFC 3261 §7.1: the protocol version may be written in any case', async (t) => {
  const got = await forwarded(t, (text) => text.replace(' SIP/2.0\r\n', ' sip/2.0\r\n'));
  t.regex(got.start, /^INVITE \S+ SIP\/2\.0$/i);
});

behaviour('RFC 3261 §21.5.6: another protocol version is 505', async (t) => {
  const refusal = await refused(t, 505, (text) => text.replace(' SIP/2.0\r\n', ' SIP/7.0\r\n'));
  t.is(refusal.method, 'INVITE');
});

behaviour(
  'RFC 3261 §7.1: a method has case: invite is another than INVITE, and goes on as it is',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('invite', bob.aor);
    bob.answer(await bob.expect('invite'), 501);
    await alice.expect(501);
  },
);

behaviour('RFC 3261 §8.1.1.5: a method in CSeq that is not the request’s is 400', async (t) => {
  await refused(t, 400, (text) => text.replace(/^CSeq: (\d+) INVITE/m, 'CSeq: $1 OPTIONS'));
});

behaviour('RFC 3261 §8.1.1.5: a CSeq number of 2**31 or more is 400', async (t) => {
  await refused(t, 400, (text) => text.replace(/^CSeq: \d+/m, 'CSeq: 2147483648'));
});

behaviour('RFC 3261 §8.1.1: a request without From is 400', async (t) => {
  await refused(t, 400, without('From'));
});

behaviour('RFC 3261 §8.1.1: a request without To is 400', async (t) => {
  await refused(t, 400, without('To'));
});

behaviour('RFC 3261 §8.1.1: a request without Call-ID is 400', async (t) => {
  await refused(t, 400, without('Call-ID'));
});

behaviour('RFC 3261 §8.1.1: a request without CSeq is 400', async (t) => {
  await refused(t, 400, without('CSeq'));
});

behaviour(
  'RFC 3261 §8.1.1: a request without Via is dropped: nobody could tell what an answer belongs to',
  async (t) => {
    await ignored(t, without('Via'));
  },
);

behaviour('RFC 3261 §7.3.1: a header that may stand once only, twice: 400', async (t) => {
  await refused(t, 400, (text) => text.replace('From: ', 'From: <sip:eve@example.org>;tag=1\r\nFrom: '));
});

behaviour('RFC 3261 §20.20: a From that is no address is 400', async (t) => {
  await refused(t, 400, (text) => text.replace(/^From: .*$/m, 'From: "Alice <sip:alice@example.org>;tag=1'));
});

behaviour('RFC 3261 §20.14: two Content-Lengths that contradict each other are 400', async (t) => {
  await refused(t, 400, (text) => text.replace('Content-Length: ', 'Content-Length: 4\r\nContent-Length: '));
});

behaviour('RFC 3261 §18.3: a datagram that is shorter than its Content-Length is 400', async (t) => {
  await refused(t, 400, (text) => text.replace(/Content-Length: \d+/, 'Content-Length: 6'));
});

behaviour('RFC 3261 §18.3: what stands in a datagram behind the body is ignored', async (t) => {
  const got = await forwarded(t, (text) => `${text.replace(/Content-Length: \d+/, 'Content-Length: 3')}junk`);
  t.is(got.body, 'v=0');
});

behaviour('RFC 3261 §18.3: a datagram without Content-Length ends with its body', async (t) => {
  const got = await forwarded(t, without('Content-Length'));
  t.deepEqual([got.body, got.header('Content-Length')], ['v=0\r\n', '5']);
});

behaviour('RFC 3261 §20.14: a Content-Length that is no number is 400', async (t) => {
  await refused(t, 400, (text) => text.replace(/Content-Length: \d+/, 'Content-Length: -1'));
});

behaviour('RFC 3261 §7.5: a datagram that is no SIP at all is dropped', async (t) => {
  await ignored(t, () => 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n');
});

behaviour('RFC 3261 §25.1: a line feed without carriage return ends no line: 400', async (t) => {
  await refused(t, 400, (text) => text.replace('Max-Forwards: 70\r\n', 'Max-Forwards: 70\n'));
});

behaviour('RFC 3261 §7.3.1: a header line without a colon is 400', async (t) => {
  await refused(t, 400, (text) => text.replace('Max-Forwards: ', 'Max-Forwards '));
});

behaviour(
  'RFC 3261 §25.1: display names may be quoted, with escapes, commas and UTF-8, and pass as they are',
  async (t) => {
    const name = Buffer.from('"A. \\"Lice\\", of Zürich <x>"').toString('latin1');
    const got = await forwarded(t, (text) => text.replace(/^From: /m, `From: ${name} `));
    t.true(got.text.includes(`From: ${name} <sip:alice@example.org>;tag=alice`));
  },
);

behaviour(
  'RFC 3261 §20.10: an address without angle brackets is one, and its parameters the header’s',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.invite(bob, { from: 'sip:alice@example.org;tag=plain', to: 'sip:bob@example.org' });
    bob.answer(await bob.expect('INVITE'), 486, { tag: 'b' });
    const busy = await alice.expect(486);
    t.deepEqual(
      [busy.header('From'), busy.header('To')],
      ['sip:alice@example.org;tag=plain', 'sip:bob@example.org;tag=b'],
    );
  },
);

behaviour('RFC 3261 §7.3.1: parameter names have no case', async (t) => {
  const got = await forwarded(t, (text) => text.replace(';branch=', ';BRANCH=').replace(';tag=', ';TAG='));
  t.is(got.header('From'), '<sip:alice@example.org>;TAG=alice');
});

behaviour('RFC 3261 §8.1.1.3: a From without a tag, of an RFC 2543 phone, is borne', async (t) => {
  const got = await forwarded(t, (text) => text.replace(';tag=alice', ''));
  t.is(got.header('From'), '<sip:alice@example.org>');
});

behaviour('RFC 3261 §8.2.7: the same malformed request gets the same answer, To tag and all', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const text = without('CSeq')(alice.request('INVITE', bob.aor).text);
  alice.write(text);
  const refusal = await alice.expect(400);
  alice.write(text);
  await edge.pass(10);
  t.is(alice.timesOf(refusal).length, 2);
  t.truthy(refusal.toTag);
});

behaviour('RFC 3261 §17.1.1.3: a malformed ACK is not answered', async (t) => {
  await ignored(t, (text) => without('From')(text.replaceAll('INVITE', 'ACK')));
});

behaviour(
  'RFC 3261 §8.1.3.3: an answer that cannot be read is dropped, and the next one counts',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.invite(bob);
    const copy = await bob.expect('INVITE');
    bob.answer(copy, 200, { headers: { CSeq: 'one INVITE' } });
    bob.answer(copy, 200, { headers: { From: undefined } });
    await alice.expectNothing(100);
    bob.answer(copy, 486);
    t.is((await alice.expect(486)).method, 'INVITE');
  },
);

behaviour('RFC 3261 §20.10: a q that is no number from 0 to 1 is as good as none', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const odd = await edge.registered('bob', { register: { params: ';q=7' } });
  const low = await edge.registered('bob', { register: { params: ';q=0.9' } });
  alice.invite(odd);
  await odd.expect('INVITE');
  await low.expectNothing();
});

behaviour('RFC 3261 §7.3.1: a message of hundreds of header lines is refused: 400', async (t) => {
  await refused(t, 400, (text) =>
    text.replace('Max-Forwards: ', `${'X-Many: 1\r\n'.repeat(300)}Max-Forwards: `),
  );
});

behaviour('RFC 3261 §25.1: header lines of many kilobytes pass', async (t) => {
  const long = 'x'.repeat(20_000);
  const got = await forwarded(t, (text) =>
    text.replace('Max-Forwards: ', `X-Long: ${long}\r\nMax-Forwards: `),
  );
  t.is(got.header('X-Long'), long);
});
