import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { axeFaults, openBrowser } from '../support/browser.ts';
import { BrowserPhone } from '../support/browser-phone.ts';
import { startGateway } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sipTlsFiles } from '../support/tls-files.ts';

/** Full scale is 1, and each 0.1 is 6 dB: what a beep of the fake microphone is well above, and noise is not. */
const AUDIBLE = 0.3;

const withWebSockets = () => ({
  sip: { listen: ['udp://127.0.0.1:0', 'ws://127.0.0.1:0'] },
});

test.serial(
  'A11: two browser phones at two peers call and hear each other; the console draws the call while it lasts and after',
  async (t) => {
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
    await alice.toggleMute();
    // What is on its way, or waits to be played, is heard yet.
    await bob.loudest('theirs', 1);
    const muted = await bob.loudest('theirs', 3);
    t.true(muted < AUDIBLE, `${muted} from a phone that is muted`);
    await alice.toggleMute();
    t.true((await bob.loudest('theirs', 4)) > AUDIBLE);
    t.true(await alice.pressDigit('5'), 'a tone within the media (RFC 4733)');

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
      /^INVITE sip:bob@example\.org SIP\/2\.0[\s\S]*response="\*+"/,
    );
    await console1.click('#call-close');

    await bob.call('alice');
    await alice.decline();
    t.regex(await bob.isIdle(), /Declined/);
    await console1.locator('#calls .row', { hasText: '603' }).click();
    await console1.locator('#call-title', { hasText: 'bob@example.org calls alice@example.org' }).waitFor();
    const first = console1.locator('#messages li').first();
    await first.locator('summary').click();
    t.regex((await first.locator('pre').textContent()) ?? '', /^INVITE sip:alice@/);
    t.deepEqual(browser.complaints, []);
  },
);

test.serial(
  'no serious accessibility fault in either theme: phone before and in a call, console with a registration',
  async (t) => {
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
  },
);

test.serial(
  'where a token is needed the console asks for it, takes no other, and then works by keyboard alone',
  async (t) => {
    t.timeout(170_000);
    if (!requirePrograms(t, 'chromium')) return;
    const file = path.join(temporaryDirectory('console'), 'token');
    writeFileSync(file, 'a-token-of-24-characters\n', { mode: 0o600 });
    const admin = { listen: 'http://127.0.0.1:0', 'token-file': file };
    const [peer] = await startOverlay(t, ['proxy'], { more: () => ({ admin }) });
    const browser = await openBrowser(t);
    const page = await browser.open(`${peer!.adminUrl}/`);
    await page.locator('#login[open]').waitFor();
    t.deepEqual(await axeFaults(page), [], 'a console that asks for the token');
    await page.keyboard.type('another-token-that-is-wrong');
    await page.keyboard.press('Enter');
    await page.locator('#login-error', { hasText: 'not the token' }).waitFor();
    await page.fill('#token', 'a-token-of-24-characters');
    await page.keyboard.press('Enter');
    await page.locator('#state', { hasText: 'joined' }).waitFor();
    t.false(await page.isVisible('#login'));
    const reached = new Set<string>();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate('document.activeElement.id || document.activeElement.textContent'));
    }
    for (const place of ['Phone', 'Peers with a link', 'calls-search', 'users-search', 'log-level']) {
      t.true(reached.has(place), `${place} is not among ${[...reached].join(', ')}`);
    }
    // The peer said 401 twice, which Chromium writes down; nothing else went wrong.
    t.deepEqual(
      browser.complaints.filter((line) => !/status of 401/.test(line)),
      [],
    );
  },
);

test.serial(
  'by https, two phones call by wss and hear each other, and the console shows the call',
  async (t) => {
    t.timeout(170_000);
    if (!requirePrograms(t, 'chromium')) return;
    const { cert, key } = sipTlsFiles();
    const config = async (port: () => Promise<number>) => ({
      overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
      sip: { listen: ['wss://127.0.0.1:0'], tls: { cert, key } },
      admin: 'https://127.0.0.1:0',
    });
    const peer = await startGateway(t, config);
    t.regex(peer.adminUrl, /^https:/);
    const browser = await openBrowser(t, { trusts: cert });
    const alice = await BrowserPhone.register(browser, peer, 'alice');
    const bob = await BrowserPhone.register(browser, peer, 'bob');
    await alice.call('bob');
    await bob.answer();
    t.true((await alice.loudest('theirs', 5)) > AUDIBLE);
    const console1 = await browser.open(`${peer.adminUrl}/`);
    await console1.locator('#calls .row', { hasText: 'talking' }).waitFor();
    t.deepEqual(browser.complaints, []);
  },
);
