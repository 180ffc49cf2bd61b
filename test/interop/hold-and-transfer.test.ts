import test, { type ExecutionContext } from 'ava';
import { type Notification, UserAgent } from 'sip.js';
import { Baresip } from '../support/baresip.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';
import { finalStatus } from '../support/sip-js-call.ts';
import { SipJsPhone } from '../support/sip-js-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';
import { eventually } from '../support/wait.ts';
import { installWebSocket } from '../support/web-socket.ts';

// What happens within a call, between a browser's phone and two others, on one peer and across two.

const files = sipTlsFiles();
installWebSocket(files.authority);
const users = ['alice', 'bob', 'carol'].map((user) => ({ aor: `${user}@example.org`, password: 'secret' }));

for (const count of [1, 2]) {
  test.serial(
    `A11: hold, transfer by either side and BYE by either side, across peers: ${count}`,
    async (t) => {
      if (!requirePrograms(t, 'baresip')) return;
      t.timeout(120_000);
      const listen = ['udp', 'tls', 'wss'].map((scheme) => `${scheme}://127.0.0.1:0`);
      const { cert, key } = files;
      const peers = await startOverlay(t, count === 1 ? ['proxy'] : ['proxy', 'proxy'], {
        users,
        more: () => ({ sip: { listen, tls: { cert, key } } }),
      });
      const here = peers[0]!;
      const there = peers.at(-1)!;
      const alice = await SipJsPhone.open(t, { user: 'alice', transport: 'wss', port: here.sipPort('wss') });
      t.is(await alice.register(), 200);
      const { authority } = files;
      const bob = await Baresip.open(t, { peer: there, user: 'bob', transport: 'tls', authority });
      const carol = await Baresip.open(t, { peer: there, user: 'carol', transport: 'udp' });
      await holds(t, alice, bob);
      await aliceIsTransferred(alice, bob, carol);
      await bobIsTransferred(t, alice, bob, carol);
      t.deepEqual(alice.complaints, []);
    },
  );
}

/** Bob calls alice and has her wait; she hangs up. */
async function holds(t: ExecutionContext, alice: SipJsPhone, bob: Baresip): Promise<void> {
  const call = await answered(alice, bob);
  bob.command('hold');
  await call.until('ACK');
  t.regex(call.media.received.at(-1) ?? '', /a=sendonly/);
  bob.command('resume');
  await call.until('ACK');
  t.regex(call.media.received.at(-1) ?? '', /a=sendrecv/);
  t.is(await call.bye(), 200);
  await bob.event('CALL_CLOSED', 5000);
}

/** Bob calls alice and sends her on to carol (RFC 3515); carol hangs up. */
async function aliceIsTransferred(alice: SipJsPhone, bob: Baresip, carol: Baresip): Promise<void> {
  const call = await answered(alice, bob);
  carol.events.length = 0;
  bob.command('transfer', 'sip:carol@example.org');
  await carol.event('CALL_ESTABLISHED', 8000);
  // sip.js tells no outcome, so bob hangs up himself.
  bob.command('hangup');
  await call.until('BYE');
  carol.command('hangup');
  await carol.event('CALL_CLOSED', 5000);
}

/** Alice calls bob and sends him on to carol; bob hangs up. */
async function bobIsTransferred(
  t: ExecutionContext,
  alice: SipJsPhone,
  bob: Baresip,
  carol: Baresip,
): Promise<void> {
  bob.events.length = 0;
  carol.events.length = 0;
  const call = await alice.call('bob');
  await call.until('200');
  const target = UserAgent.makeURI('sip:carol@example.org')!;
  const outcomes: string[] = [];
  const onNotify = (notification: Notification) => {
    outcomes.push(notification.request.body.trim());
    void notification.accept();
  };
  const status = await finalStatus('REFER', (requestDelegate) =>
    call.session.refer(target, { requestDelegate, onNotify }),
  );
  t.is(status, 202);
  await carol.event('CALL_ESTABLISHED', 8000);
  await eventually('the outcome', 5000, () => outcomes.some((outcome) => /^SIP\/2\.0 200/.test(outcome)));
  t.is(await call.bye(), 200);
  await bob.event('CALL_CLOSED', 5000);
  bob.command('hangup');
  await carol.event('CALL_CLOSED', 5000);
}

/** A call from bob that stands. */
async function answered(alice: SipJsPhone, bob: Baresip) {
  bob.events.length = 0;
  const ringing = alice.nextCall();
  bob.command('dial', 'sip:alice@example.org');
  const call = await ringing;
  await call.session.accept();
  await Promise.all([call.until('ACK'), bob.event('CALL_ESTABLISHED', 8000)]);
  return call;
}
