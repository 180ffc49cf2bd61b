import test from 'ava';
import { Linphone } from '../support/linphone.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';
import { sipTlsFiles } from '../support/tls-files.ts';

const users = ['alice', 'bob', 'carol'].map((user) => ({ aor: `${user}@example.org`, password: 'secret' }));

test.serial('RFC 5627: Linphones at two peers call and transfer each other by their GRUUs', async (t) => {
  if (!requirePrograms(t, 'linphone-daemon')) return;
  const [here, there] = await startOverlay(t, ['proxy', 'proxy'], { users });
  const alice = await Linphone.open(t, { peer: here!, user: 'alice' });
  const bob = await Linphone.open(t, { peer: there!, user: 'bob' });
  const carol = await Linphone.open(t, { peer: there!, user: 'carol' });
  alice.command('call sip:bob@example.org');
  await Promise.all([alice.call(1, 'StreamsRunning'), bob.call(1, 'StreamsRunning')]);
  // Bob asks carol, and has alice take his place (RFC 3891): alice is held, referred, and tells him how it went.
  bob.command('call sip:carol@example.org');
  await Promise.all([bob.call(2, 'StreamsRunning'), carol.call(1, 'StreamsRunning')]);
  bob.command('call-transfer 1 2');
  await Promise.all([alice.call(2, 'StreamsRunning'), carol.call(2, 'StreamsRunning')]);
  await Promise.all([bob.call(1, 'End'), bob.call(2, 'End')]);
  alice.command('terminate 2');
  await Promise.all([alice.call(2, 'End'), carol.call(2, 'End')]);
  for (const [phone, method] of [
    [alice, 'ACK'],
    [alice, 'NOTIFY'],
    [alice, 'BYE'],
    [bob, 'REFER'],
    [bob, 'BYE'],
  ] as const) {
    t.regex(phone.log, new RegExp(`^${method} sip:\\w+@example\\.org;gr=urn:uuid:`, 'm'), method);
  }
});

test.serial(
  'RFC 5630: Linphones that register by SIPS call each other by SIPS, across two peers',
  async (t) => {
    if (!requirePrograms(t, 'linphone-daemon')) return;
    const { cert, key } = sipTlsFiles();
    const listen = ['udp', 'tls'].map((scheme) => `${scheme}://127.0.0.1:0`);
    const more = () => ({ sip: { listen, tls: { cert, key } } });
    const [here, there] = await startOverlay(t, ['proxy', 'proxy'], { users, more });
    const alice = await Linphone.open(t, { peer: here!, user: 'alice', scheme: 'sips' });
    const bob = await Linphone.open(t, { peer: there!, user: 'bob', scheme: 'sips' });
    const carol = await Linphone.open(t, { peer: there!, user: 'carol' });
    alice.command('call sips:bob@example.org');
    await Promise.all([alice.call(1, 'StreamsRunning'), bob.call(1, 'StreamsRunning')]);
    bob.command('terminate 1');
    await Promise.all([alice.call(1, 'End'), bob.call(1, 'End')]);
    t.regex(bob.log, /^INVITE sips:bob@127\.0\.0\.1:\d+ /m);
    t.notRegex(bob.log, /^Record-Route: <sip:/m);
    t.regex(bob.log, /^BYE sips:alice@example\.org;gr=urn:uuid:/m);
    // Carol registered by SIP.
    alice.command('call sips:carol@example.org');
    await alice.call(2, 'End|Error');
    t.regex(alice.log, /^Warning: 380 example\.org "SIPS Not Allowed"/m);
    t.notRegex(carol.log, /^INVITE /m);
  },
);
