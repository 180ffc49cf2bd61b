import test, { type ExecutionContext } from 'ava';
import { Baresip } from '../support/baresip.ts';
import type { GatewayProcess } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { phonesTalk } from '../support/phones.ts';
import { requirePrograms } from '../support/programs.ts';
import { SipJsPhone } from '../support/sip-js-phone.ts';
import { type SipTlsFiles, sipTlsFiles } from '../support/tls-files.ts';
import { installWebSocket } from '../support/web-socket.ts';

// Unmodified phones over every transport: baresip over TLS and UDP, sip.js over WS and WSS as in a browser.

const files = sipTlsFiles();

installWebSocket(files.authority);

function startPeers(t: ExecutionContext, { cert, key }: SipTlsFiles): Promise<GatewayProcess[]> {
  const listen = ['udp', 'tcp', 'tls', 'ws', 'wss'].map((scheme) => `${scheme}://127.0.0.1:0`);
  return startOverlay(t, ['proxy', 'proxy'], { more: () => ({ sip: { listen, tls: { cert, key } } }) });
}

test.serial(
  'A7, P4: two baresip phones talk over TLS, across two peers and within one, both ways',
  async (t) => {
    if (!requirePrograms(t, 'baresip')) return;
    t.timeout(120_000);
    const [peer1, peer2] = await startPeers(t, files);
    const server = (peer: GatewayProcess | undefined) => `127.0.0.1:${peer?.sipPort('tls')}`;
    const options = { domain: 'example.org', transport: 'tls', authority: files.authority } as const;
    await phonesTalk(t, { ...options, server1: server(peer1), server2: server(peer2) });
    await phonesTalk(t, {
      ...options,
      server1: server(peer1),
      server2: server(peer2),
      caller: 'bob',
      callee: 'alice',
    });
    // Last: what a peer has looked up, it believes for some seconds.
    await phonesTalk(t, { ...options, server1: server(peer1), server2: server(peer1) });
  },
);

for (const transport of ['ws', 'wss'] as const) {
  test.serial(
    `A11, P4: sip.js over ${transport} and baresip call each other, across two peers and within one`,
    async (t) => {
      if (!requirePrograms(t, 'baresip')) return;
      t.timeout(120_000);
      const [peer1, peer2] = await startPeers(t, files);
      if (peer1 === undefined || peer2 === undefined) return t.fail();
      const alice = await SipJsPhone.open(t, { user: 'alice', transport, port: peer1.sipPort(transport) });
      t.is(await alice.register(), 200);
      // In this order, for what a peer has looked up, it believes for some seconds.
      for (const peer of [peer2, peer1]) {
        const bob = await Baresip.open(t, { peer, user: 'bob', transport: 'udp' });
        try {
          await callEachOther(t, alice, bob);
        } catch (error) {
          t.log(bob.log, alice.complaints);
          throw error;
        } finally {
          await bob.stop();
        }
      }
      t.is(await alice.unregister(), 200);
      t.deepEqual(alice.complaints, []);
    },
  );
}

async function callEachOther(t: ExecutionContext, alice: SipJsPhone, bob: Baresip): Promise<void> {
  // baresip answers by itself.
  const outgoing = await alice.call('bob');
  await outgoing.until('200');
  t.is(await outgoing.reinvite(), 200);
  t.is(await outgoing.bye(), 200);
  await bob.event('CALL_CLOSED', 5000);

  const ringing = alice.nextCall();
  bob.command('dial', 'sip:alice@example.org');
  const incoming = await ringing;
  await incoming.session.accept();
  await Promise.all([incoming.until('ACK'), bob.event('CALL_ESTABLISHED', 8000)]);
  t.is(await incoming.reinvite(), 200);
  bob.command('hangup');
  await incoming.until('BYE');
}
