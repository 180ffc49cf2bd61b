import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import type { GatewayProcess } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { SipJsPhone } from '../support/sip-js-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';
import { eventually } from '../support/wait.ts';
import { installWebSocket } from '../support/web-socket.ts';

const files = sipTlsFiles();
installWebSocket(files.authority);

async function startPeer(t: ExecutionContext, sip: Record<string, unknown>): Promise<GatewayProcess> {
  const [peer] = await startOverlay(t, ['proxy'], { more: () => ({ sip }) });
  return peer!;
}

/** Calls, and hangs up from the other side. */
async function call(t: ExecutionContext, caller: SipJsPhone, callee: SipJsPhone): Promise<void> {
  const [incoming, outgoing] = await Promise.all([callee.nextCall(), caller.call(callee.user)]);
  await incoming.session.accept();
  await Promise.all([outgoing.until('200'), incoming.until('ACK')]);
  t.is(await outgoing.reinvite(), 200);
  t.is(await incoming.bye(), 200);
  await outgoing.until('BYE');
}

async function openTls(t: ExecutionContext, port: number): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: readFileSync(files.authority) });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

test('P9: a certificate renewed in place is shown to new connections; phones that are connected take calls on', async (t) => {
  t.timeout(60_000);
  const { cert, key } = files;
  const listen = ['udp', 'tls', 'wss'].map((scheme) => `${scheme}://127.0.0.1:0`);
  const peer = await startPeer(t, { listen, tls: { cert, key } });
  const alice = await SipJsPhone.open(t, { user: 'alice', transport: 'wss', port: peer.sipPort('wss') });
  const bob = await SipJsPhone.open(t, { user: 'bob', transport: 'udp', port: peer.sipPort('udp') });
  t.is(await alice.register(), 200);
  t.is(await bob.register(), 200);
  const before = (await openTls(t, peer.sipPort('tls'))).getPeerX509Certificate();

  const renewed = files.renew();
  await eventually('the new certificate', 30_000, async () => {
    const socket = await openTls(t, peer.sipPort('tls'));
    const shown = socket.getPeerX509Certificate();
    socket.destroy();
    return shown?.raw.equals(renewed.certificates[0]!);
  });
  t.false(before?.raw.equals(renewed.certificates[0]!));
  await call(t, bob, alice);
  await call(t, alice, bob);
  t.deepEqual(alice.complaints, []);
});

test('C: IPv6 and IPv4 phones call each other over UDP, TCP and WebSocket', async (t) => {
  t.timeout(60_000);
  const listen = ['udp', 'tcp', 'ws'].flatMap((scheme) => [`${scheme}://[::1]:0`, `${scheme}://127.0.0.1:0`]);
  const peer = await startPeer(t, { listen });
  const port6 = (transport: string) => {
    const uri = peer.sipUris.find((one) => one.includes('[::1]') && one.endsWith(`=${transport}`));
    return Number(/\]:(\d+);/.exec(uri ?? '')?.[1]);
  };
  const bob = await SipJsPhone.open(t, { user: 'bob', transport: 'ws', host: '::1', port: port6('ws') });
  t.is(await bob.register(), 200);
  for (const transport of ['udp', 'tcp'] as const) {
    const alice = await SipJsPhone.open(t, { user: 'alice', transport, host: '::1', port: port6(transport) });
    t.is(await alice.register(), 200);
    await call(t, alice, bob);
    await call(t, bob, alice);
    t.is(await alice.unregister(), 200);
  }
  const alice = await SipJsPhone.open(t, { user: 'alice', transport: 'udp', port: ipv4UdpPort(peer) });
  t.is(await alice.register(), 200);
  await call(t, alice, bob);
  await call(t, bob, alice);
});

function ipv4UdpPort(peer: GatewayProcess): number {
  const uri = peer.sipUris.find((one) => /127\.0\.0\.1:\d+;transport=udp/.test(one));
  return Number(/:(\d+);/.exec(uri ?? '')?.[1]);
}

test('RFC 7118: the end of a WebSocket ends its registration at once; a bad message does not end it', async (t) => {
  const peer = await startPeer(t, { listen: ['ws://127.0.0.1:0'], auth: 'none' });
  const socket = new WebSocket(`ws://127.0.0.1:${peer.sipPort('ws')}`, 'sip');
  await once(socket, 'open');
  const request = [
    'REGISTER sip:example.org SIP/2.0',
    'Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1',
    'Max-Forwards: 70',
    'From: <sip:alice@example.org>;tag=1',
    'To: <sip:alice@example.org>',
    'Call-ID: 1',
    'CSeq: 1 REGISTER',
    'Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>',
    'Expires: 600',
  ].join('\r\n');
  const answer = async (text: string) => {
    socket.send(text);
    const [data] = await once(socket, 'message', { signal: AbortSignal.timeout(5000) });
    return String(data);
  };
  t.regex(await answer(`${request}\r\nContent-Length: 99\r\n\r\n`), /^SIP\/2\.0 400 /);
  t.is(await answer('\r\n\r\n'), '\r\n', 'RFC 5626 §3.5.1');
  t.regex(await answer(`${request}\r\n\r\n`), /^SIP\/2\.0 200 /);
  const aors = async () => JSON.stringify(await peer.admin('/registrations'));
  t.regex(await aors(), /alice@example\.org/);
  socket.terminate();
  await eventually('no registration', 1000, async () => !(await aors()).includes('alice@example.org'));
});
