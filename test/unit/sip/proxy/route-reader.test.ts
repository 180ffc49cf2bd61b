import test from 'ava';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import type { SipRequest } from '../../../../src/sip/message/request.ts';
import { CONTACT_TOKEN, FlowTokens } from '../../../../src/sip/proxy/flow-token.ts';
import { OwnAddresses } from '../../../../src/sip/proxy/own-addresses.ts';
import { nextHopUri, RouteReader } from '../../../../src/sip/proxy/route-reader.ts';
import { request } from '../registrar/messages.ts';

const ME = '0123456789abcdef0123456789abcdef';
const OTHER = 'fedcba9876543210fedcba9876543210';
const tokens = new FlowTokens({ key: new Uint8Array(32) });
const own = new OwnAddresses(
  { network: new SimulatedNetwork({ clock: new VirtualClock() }).host('192.0.2.1') },
  { domains: ['example.org'] },
);
own.add({
  transport: 'UDP',
  local: { host: '192.0.2.1', port: 5060 },
  advertised: { host: '192.0.2.1', port: 5060 },
});
const reader = new RouteReader({ own, tokens }, { nodeHex: ME, overlayName: 'Example.org' });

const token = tokens.mint(CONTACT_TOKEN, 'call-1');
const flowTarget = {
  kind: 'flow',
  transport: 'TCP',
  remote: { host: '192.0.2.9', port: 40_000 },
  localPort: 5060,
  binding: undefined,
} as const;
const flowToken = tokens.mint(flowTarget, 'call-1');
const phoneSide = `<sip:${token}@192.0.2.1:5060;transport=udp;lr>`;
const myOverlaySide = `<sip:${ME}@example.org;transport=tls;lr>`;
const otherOverlaySide = `<sip:${OTHER.toUpperCase()}@EXAMPLE.org;transport=tls;lr>`;
const foreign = '<sip:edge.example.net;lr>';

function bye(routes: string[], options: { uri?: string; toTag?: string } = {}): SipRequest {
  const { uri = 'sip:bob@198.51.100.7', toTag = ';tag=2' } = options;
  return request(`BYE ${uri} SIP/2.0
    Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1
    From: <sip:alice@example.org>;tag=1
    To: <sip:bob@example.org>${toTag}
    Call-ID: call-1
    CSeq: 2 BYE
    ${routes.length === 0 ? '' : `Route: ${routes.join(', ')}`}`);
}

test('architecture "In-dialog routing": all leading Routes that are ours are popped, the next one stays', (t) => {
  const message = bye([phoneSide, myOverlaySide, otherOverlaySide, foreign]);
  t.deepEqual(reader.read(message), { isTrusted: true, target: undefined, nextPeer: OTHER, hasRoute: true });
  t.deepEqual(message.headers('Route'), [otherOverlaySide, foreign]);
});

test('architecture "In-dialog routing": the last Route popped names the way on', (t) => {
  const second = `<sip:${flowToken}@192.0.2.1:5060;transport=tcp;lr>`;
  const reading = reader.read(bye([phoneSide, second]));
  t.deepEqual(reading, { isTrusted: true, target: flowTarget, nextPeer: undefined, hasRoute: false });
  t.deepEqual(reader.read(bye([second, phoneSide])).target, CONTACT_TOKEN);
  t.deepEqual(reader.read(bye([myOverlaySide, phoneSide])).target, CONTACT_TOKEN);
});

test('RFC 3261 §16.4: our token is ours at any address: a connection of ours is known by a port we do not listen on', (t) => {
  const overConnection = `<sip:${token}@192.0.2.1:40123;transport=tls;lr>`;
  const message = bye([phoneSide, overConnection, foreign]);
  t.like(reader.read(message), { isTrusted: true, target: CONTACT_TOKEN, hasRoute: true });
  t.deepEqual(message.headers('Route'), [foreign]);
  const another = `<sip:${tokens.mint(CONTACT_TOKEN, 'call-2')}@192.0.2.1:40123;transport=tls;lr>`;
  t.like(reader.read(bye([another])), { isTrusted: false, hasRoute: true });
});

test('architecture "In-dialog routing": without a valid token of this dialog there is no trust', (t) => {
  t.false(reader.read(bye([])).isTrusted);
  t.false(reader.read(bye(['<sip:192.0.2.1;lr>'])).isTrusted);
  t.false(reader.read(bye([myOverlaySide])).isTrusted);
  t.false(reader.read(bye([`<sip:${tokens.mint(CONTACT_TOKEN, 'call-2')}@192.0.2.1;lr>`])).isTrusted);
  t.false(reader.read(bye([foreign, phoneSide])).isTrusted, 'ours, but not leading');
});

test('architecture "In-dialog routing": the overlay\'s name alone, or another port of ours, is not ours', (t) => {
  for (const route of ['<sip:example.org;lr>', '<sip:alice@example.org;lr>', '<sip:192.0.2.1:5070;lr>']) {
    const message = bye([route]);
    t.true(reader.read(message).hasRoute, route);
    t.deepEqual(message.headers('Route'), [route]);
  }
});

test('a phone whose outbound proxy is our domain or our address preloads a Route: popped from initial requests', (t) => {
  for (const route of [
    '<sip:example.org;lr>',
    '<sip:192.0.2.1;lr>',
    '<sip:192.0.2.1:5060;transport=udp;lr>',
  ]) {
    const message = bye([route], { toTag: '' });
    t.false(reader.read(message).hasRoute, route);
    t.false(message.has('Route'));
  }
});

test('§16.4: what a strict router sends is put right', (t) => {
  const message = bye([foreign, '<sip:bob@198.51.100.7>'], {
    uri: `sip:${token}@192.0.2.1:5060;transport=udp;lr`,
  });
  const reading = reader.read(message);
  t.true(reading.isTrusted);
  t.is(message.requestUri, 'sip:bob@198.51.100.7');
  t.deepEqual(message.headers('Route'), [foreign]);
});

test('§16.6 step 6: a loose router gets the request as it is, a strict one its own URI as the Request-URI', (t) => {
  const loose = bye([foreign]);
  t.is(nextHopUri(loose).host, 'edge.example.net');
  t.is(loose.requestUri, 'sip:bob@198.51.100.7');
  const strict = bye(['<sip:strict.example.net>', foreign]);
  t.is(nextHopUri(strict).host, 'strict.example.net');
  t.is(strict.requestUri, 'sip:strict.example.net');
  t.deepEqual(strict.headers('Route'), [foreign, '<sip:bob@198.51.100.7>']);
  t.is(nextHopUri(bye([])).host, '198.51.100.7');
});

test('a malformed Route is an error', (t) => {
  t.throws(() => reader.read(bye(['<sip:'])), { code: 'bad-header' });
});
