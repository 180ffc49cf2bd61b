import test from 'ava';
import { Baresip } from '../support/baresip.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';
import { SipJsPhone } from '../support/sip-js-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';
import { installWebSocket } from '../support/web-socket.ts';

installWebSocket(sipTlsFiles().authority);

const PREFERRED = 'P-Preferred-Identity: "Alice" <sip:alice@example.org>';

test.serial(
  'RFC 3325: a phone at another peer is told who calls, unless the caller wants privacy',
  async (t) => {
    if (!requirePrograms(t, 'baresip')) return;
    const listen = ['udp://127.0.0.1:0', 'ws://127.0.0.1:0'];
    const [here, there] = await startOverlay(t, ['proxy', 'proxy'], { more: () => ({ sip: { listen } }) });
    const alice = await SipJsPhone.open(t, { user: 'alice', transport: 'ws', port: here!.sipPort('ws') });
    t.is(await alice.register(), 200);
    const bob = await Baresip.open(t, { peer: there!, user: 'bob', transport: 'udp', traces: true });
    /** What bob's phone is told of the caller. */
    const told = async (options: Parameters<SipJsPhone['call']>[1]) => {
      bob.log = '';
      bob.events.length = 0;
      const call = await alice.call('bob', options);
      await Promise.all([call.until('200'), bob.event('CALL_ESTABLISHED', 8000)]);
      t.is(await call.bye(), 200);
      await bob.event('CALL_CLOSED', 5000);
      const [invite = ''] = /^INVITE [\s\S]*?\r?\n\r?\n/m.exec(bob.log) ?? [];
      const of = (name: string) => new RegExp(`^${name}: (.*?)(;tag=.*)?\\r?$`, 'm').exec(invite)?.[1];
      return [of('From'), of('P-Asserted-Identity')];
    };
    t.deepEqual(await told({}), ['<sip:alice@example.org>', '<sip:alice@example.org>']);
    t.deepEqual(await told({ extraHeaders: [PREFERRED] }), [
      '<sip:alice@example.org>',
      '"Alice" <sip:alice@example.org>',
    ]);
    t.deepEqual(await told({ extraHeaders: ['P-Asserted-Identity: <sip:bob@example.org>', 'Privacy: id'] }), [
      '<sip:alice@example.org>',
      undefined,
    ]);
    // sip.js asks for Privacy: id by itself.
    t.deepEqual(await told({ anonymous: true, extraHeaders: [PREFERRED] }), [
      '"Anonymous" <sip:anonymous@anonymous.invalid>',
      undefined,
    ]);
  },
);
