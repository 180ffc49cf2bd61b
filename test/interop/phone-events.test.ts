import test from 'ava';
import { Baresip } from '../support/baresip.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';
import { SipJsPhone } from '../support/sip-js-phone.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

for (const transport of ['udp', 'tcp'] as const) {
  test(`A11, RFC 3680: sip.js learns over ${transport} of another phone of its user`, async (t) => {
    t.timeout(60_000);
    const [peer] = await startOverlay(t, ['proxy']);
    if (peer === undefined) return t.fail();
    const alice = await SipJsPhone.open(t, { transport, port: peer.sipPort(transport), user: 'alice' });
    t.is(await alice.register(), 200);
    const { accepted, bodies, end } = await alice.subscribe('alice', 'reg');
    t.true(accepted);
    t.regex(bodies[0] ?? '', /<registration aor="sip:alice@example.org" id="\w+" state="active">/);
    const other = await TestPhone.open(t, { port: peer.sipPort('udp') });
    await other.register('alice');
    await eventually('a NOTIFY of the other phone', 10_000, () =>
      bodies.some((body) => body.includes(`127.0.0.1:${other.port}`)),
    );
    await other.register('alice', 0);
    await eventually('a NOTIFY that it has gone', 10_000, () =>
      bodies.at(-1)?.includes('event="unregistered"'),
    );
    await end();
    t.false((await alice.subscribe('alice', 'message-summary')).accepted);
    t.false((await alice.subscribe('alice', 'presence')).accepted);
    t.is(await alice.unregister(), 200);
  });
}

test('A11, RFC 5626: baresip registers a flow with outbound, and its own message-summary is 489', async (t) => {
  if (!requirePrograms(t, 'baresip')) return;
  t.timeout(60_000);
  const [peer] = await startOverlay(t, ['proxy']);
  if (peer === undefined) return t.fail();
  const phone = await Baresip.open(t, {
    ...{ peer, user: 'alice', transport: 'tcp' },
    ...{ account: ';sipnat=outbound;mwi=yes', modules: ['mwi.so'] },
  });
  t.regex(phone.log, /\{1\/TCP\/v4\} 200 OK/, 'by its first flow');
  await eventually('489 for message-summary', 10_000, () => /closed: .*489/.test(phone.log));
  t.pass();
});
