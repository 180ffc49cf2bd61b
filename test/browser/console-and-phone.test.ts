import test from 'ava';
import { axeFaults, openBrowser } from '../support/browser.ts';
import { BrowserPhone } from '../support/browser-phone.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';

/** Full scale is 1, and each 0.1 is 6 dB: what a beep of the fake microphone is well above, and noise is not. */
const AUDIBLE = 0.3;

const withWebSockets = () => ({
  sip: { listen: ['udp://127.0.0.1:0', 'ws://127.0.0.1:0'] },
});

test('A11: two browser phones at two peers call and hear each other; the console draws the call while it lasts and after', async (t) => {
  t.timeout(170_000);
  if (!requirePrograms(t, 'chromium')) return;
  const [peer1, peer2] = await startOverlay(t, ['proxy', 'proxy'], { more: withWebSockets });
  const browser = await openBrowser(t);
  const console1 = await browser.open(`${peer1!.adminUrl}/`);
  t.deepEqual(await axeFaults(console1), [], 'an empty console');
  const alice = await BrowserPhone.register(browser, peer1!, 'alice');
  const bob = await BrowserPhone.register(browser, peer2!, 'bob');

  await alice.call('bob');
  await bob.answer();
  await alice.talks();
  const [heard1, heard2] = await Promise.all([alice.loudest('theirs', 5), bob.loudest('theirs', 5)]);
  t.log({ heard1, heard2 });
  t.true(heard1 > AUDIBLE && heard2 > AUDIBLE, `${heard1} ${heard2}`);

  await console1.bringToFront();
  await console1.locator('#calls .row', { hasText: 'talking' }).click();
  const labels = () => console1.locator('#ladder .what').allTextContents();
  await console1.locator('#ladder .what', { hasText: '200 OK' }).first().waitFor();
  const during = (await labels()).join(' ');
  // In their order: the challenge, the lookup, the answer of bob's phone. RELOAD messages stand among the SIP ones.
  t.regex(during, /INVITE.*407.*INVITE.*INVITE.*180 Ringing.*200 OK.*ACK/);
  t.notRegex(during, /BYE/);
  t.deepEqual(await axeFaults(console1), [], 'a console with the ladder of a call');

  await bob.hangUp();
  t.regex(await alice.isIdle(), /is over/);
  await console1.locator('#ladder .what', { hasText: 'BYE' }).first().waitFor();
  await console1.locator('#call-facts', { hasText: 'callee hung up' }).waitFor();
  const isInvite = { has: console1.locator('strong', { hasText: /^INVITE$/ }) };
  const text = console1.locator('#messages details', isInvite).nth(1);
  await text.locator('summary').click();
  t.regex(
    (await text.locator('pre').textContent()) ?? '',
    /^INVITE sip:bob@example\.org SIP\/2\.0[\s\S]*response="\(left out\)"/,
  );
  await console1.click('#call-close');

  await bob.call('alice');
  await alice.decline();
  t.regex(await bob.isIdle(), /Declined/);
  t.deepEqual(browser.complaints, []);
});

test('no serious accessibility fault in either theme: phone before and in a call, console with a registration', async (t) => {
  t.timeout(170_000);
  if (!requirePrograms(t, 'chromium')) return;
  const [peer] = await startOverlay(t, ['proxy'], { more: withWebSockets });
  const browser = await openBrowser(t);
  const fresh = await browser.open(`${peer!.adminUrl}/phone/`);
  t.deepEqual(await axeFaults(fresh), [], 'a phone before it is registered');
  const alice = await BrowserPhone.register(browser, peer!, 'alice');
  const bob = await BrowserPhone.register(browser, peer!, 'bob');
  await alice.call('bob');
  await bob.page.waitForSelector('#answer:not([hidden])');
  t.deepEqual(await axeFaults(bob.page), [], 'a phone that rings');
  await bob.answer();
  const page = await browser.open(`${peer!.adminUrl}/console/`);
  await page.locator('#users summary').first().click();
  await page.locator('#users button').first().click();
  await page.locator('#ring-record', { hasText: /is kept by this peer/ }).waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [name, each] of [
      ['console', page],
      ['phone', alice.page],
    ] as const) {
      await each.emulateMedia({ colorScheme });
      t.deepEqual(await axeFaults(each), [], `${name}, ${colorScheme}`);
    }
  }
  t.deepEqual(browser.complaints, []);
});
