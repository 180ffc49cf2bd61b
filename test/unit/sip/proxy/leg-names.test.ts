import test from 'ava';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { CONTACT_TOKEN, FlowTokens, type TokenTarget } from '../../../../src/sip/proxy/flow-token.ts';
import { LegNames } from '../../../../src/sip/proxy/leg-names.ts';
import { OwnAddresses } from '../../../../src/sip/proxy/own-addresses.ts';
import type { TransportName } from '../../../../src/sip/transport/flow.ts';
import { FakeFlow } from '../registrar/messages.ts';

const ME = '0123456789abcdef0123456789abcdef';
const own = new OwnAddresses(
  { network: new SimulatedNetwork({ clock: new VirtualClock() }).host('192.0.2.1', '2001:db8::1') },
  { domains: ['example.org'] },
);
for (const transport of ['UDP', 'TCP'] as const) {
  for (const host of ['192.0.2.1', '2001:db8::1']) {
    own.add({ transport, local: { host, port: 5060 }, advertised: { host, port: 5060 } });
  }
}
const tokens = new FlowTokens({ key: new Uint8Array(32) });
const names = new LegNames({ own, tokens }, { nodeHex: ME, overlayName: 'example.org' });
const dialog = { callId: 'call-1', fromTag: 'a', requestUri: 'sip:bob@example.org' };

const phone = (remote: string, transport: TransportName = 'UDP', target: TokenTarget = CONTACT_TOKEN) => ({
  flow: new FakeFlow(transport, remote),
  target,
});
const peer = {
  flow: new FakeFlow('TLS', '192.0.2.3:40000', { peer: 'f'.repeat(32) }),
  target: CONTACT_TOKEN,
};
const overTcp: TokenTarget = {
  kind: 'flow',
  transport: 'TCP',
  remote: { host: '192.0.2.20', port: 40_000 },
  localPort: 5060,
  binding: undefined,
};

test('Via: our advertised address towards phones, our Node-ID and nothing else on overlay legs', (t) => {
  t.is(
    names.via(phone('192.0.2.9:5060').flow, 'z9hG4bK1'),
    'SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1',
  );
  const v6 = names.via(phone('2001:db8::9:5060', 'TCP').flow, 'z9hG4bK1');
  t.is(v6, 'SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK1');
  t.is(names.via(peer.flow, 'z9hG4bK1'), `SIP/2.0/TLS ${ME}.invalid;branch=z9hG4bK1`);
});

test('Record-Route: one within a peer, two where transport or address family differ', (t) => {
  const routes = (a: ReturnType<typeof phone>, b: ReturnType<typeof phone>) =>
    names.recordRoutes(a, b, dialog);
  t.is(routes(phone('192.0.2.9:5060'), phone('192.0.2.20:5060')).length, 1);
  const tcp = phone('192.0.2.20:40000', 'TCP', overTcp);
  t.is(routes(tcp, phone('192.0.2.21:40000', 'TCP', overTcp)).length, 1);
  t.deepEqual(
    routes(phone('192.0.2.9:5060'), tcp).map((route) => route.replace(/:[^@]+@/, ':T@')),
    ['<sip:T@192.0.2.1:5060;transport=tcp;lr>', '<sip:T@192.0.2.1:5060;transport=udp;lr>'],
  );
  t.is(routes(phone('192.0.2.9:5060'), phone('2001:db8::9:5060')).length, 2);
});

test('Record-Route: towards another peer one on each side, the callee side topmost', (t) => {
  const overlaySide = `<sip:${ME}@example.org;transport=tls;lr>`;
  const phoneSide = /^<sip:c-[^@]+@192\.0\.2\.1:5060;transport=udp;lr>$/;
  const leaving = names.recordRoutes(phone('192.0.2.9:5060'), peer, dialog);
  t.is(leaving[0], overlaySide);
  t.regex(leaving[1]!, phoneSide);
  const arriving = names.recordRoutes(peer, phone('192.0.2.20:5060'), dialog);
  t.regex(arriving[0]!, phoneSide);
  t.is(arriving[1], overlaySide);
});
