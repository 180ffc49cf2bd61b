import test from 'ava';
import { Baresip } from '../support/baresip.ts';
import { openBrowser } from '../support/browser.ts';
import { BrowserPhone } from '../support/browser-phone.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';
import { startRtpengine } from '../support/rtpengine.ts';
import { heardTone } from '../support/tone.ts';

/** As in console-and-phone: what a tone is well above. */
const AUDIBLE = 0.3;
/** Of 32,768: the fake microphone's beeps come at several thousand. */
const LOUD = 1_000;

test('A11: media: nat: a browser and a desk phone at two peers hear each other: rtpengine translates', async (t) => {
  t.timeout(170_000);
  if (!requirePrograms(t, 'chromium', 'baresip', 'rtpengine')) return;
  const relay = await startRtpengine(t);
  const [peer1, peer2] = await startOverlay(t, ['proxy', 'proxy'], {
    more: () => ({
      sip: { listen: ['udp://127.0.0.1:0', 'ws://127.0.0.1:0'] },
      media: { relay: 'nat', rtpengine: relay.url },
    }),
  });
  const browser = await openBrowser(t);
  const alice = await BrowserPhone.register(browser, peer1!, 'alice');
  const bob = await Baresip.open(t, { peer: peer2!, user: 'bob', transport: 'udp' });

  await alice.call('bob');
  await alice.talks();
  const heard = await alice.loudest('theirs', 5);
  t.true(heard > AUDIBLE, `alice heard ${heard}`);
  await alice.hangUp();
  await bob.event('CALL_CLOSED', 10_000);
  const beeps = heardTone(bob.options.directory, bob.options.hertz);
  t.true(beeps.peak > LOUD && beeps.seconds > 2, `bob heard ${beeps.seconds} s, ${beeps.peak}`);

  // The other way: the offer of a desk phone becomes one that a browser takes.
  bob.command('dial', 'sip:alice@example.org');
  await alice.answer();
  await bob.event('CALL_ESTABLISHED', 10_000);
  const again = await alice.loudest('theirs', 5);
  t.true(again > AUDIBLE, `alice heard ${again}`);
  await alice.hangUp();
  t.deepEqual(browser.complaints, []);
});
