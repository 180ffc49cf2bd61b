import test from 'ava';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { OwnAddresses } from '../../../../src/sip/proxy/own-addresses.ts';
import type { BoundListener, Flow } from '../../../../src/sip/transport/flow.ts';
import { FakeFlow } from '../registrar/messages.ts';

const network = () => new SimulatedNetwork({ clock: new VirtualClock() }).host('192.0.2.1', '2001:db8::1');

function listener(host: string, port: number, advertised = { host, port }): BoundListener {
  return { transport: 'UDP', local: { host, port }, advertised };
}

function flowOn(bound: BoundListener, remote: string): Flow {
  return Object.assign(new FakeFlow('UDP', remote), { local: bound.local, listener: bound });
}

test('architecture "Own addresses": wildcards stand for all interfaces, a missing port for the default one', (t) => {
  const own = new OwnAddresses({ network: network() }, { domains: ['Example.org', 'b.example'] });
  own.add(listener('0.0.0.0', 5060));
  t.true(own.isOwn('192.0.2.1'));
  t.true(own.isOwn('127.0.0.1', 5060));
  t.false(own.isOwn('192.0.2.1', 5070));
  t.false(own.isOwn('192.0.2.2'));
  t.is(own.domainOf('192.0.2.1', 5060), 'example.org');
  t.is(own.domainOf('b.example', undefined), 'b.example');
  t.is(own.domainOf('c.example', undefined), undefined);
  t.false(own.isAddress('example.org'), 'a domain is not an address');
});

test('architecture "Own addresses": a listener on another port is ours only with that port', (t) => {
  const own = new OwnAddresses({ network: network() }, { domains: ['example.org'] });
  own.add(listener('192.0.2.1', 15_060));
  t.true(own.isOwn('192.0.2.1', 15_060));
  t.false(own.isOwn('192.0.2.1'));
});

test('architecture "Own addresses": what is advertised and published is ours', (t) => {
  const own = new OwnAddresses(
    { network: network() },
    {
      domains: ['example.org'],
      public: ['sip:gw1.example.org', 'sips:gw2.example.org', 'sip:gw3.example.org:5080'],
    },
  );
  own.add(listener('192.0.2.1', 5060, { host: '203.0.113.7', port: 5090 }));
  t.true(own.isOwn('203.0.113.7', 5090));
  t.true(own.isOwn('gw1.example.org'));
  t.true(own.isOwn('gw2.example.org', 5061));
  t.true(own.isOwn('gw3.example.org', 5080));
});

test('architecture "Own addresses": Via and Record-Route carry what is advertised', (t) => {
  const own = new OwnAddresses({ network: network() }, { domains: ['example.org'] });
  const natted = listener('0.0.0.0', 5060, { host: '203.0.113.7', port: 5090 });
  own.add(natted);
  const flow = flowOn(natted, '198.51.100.1:5060');
  t.is(own.prepare(flow), undefined, 'nothing to find out');
  t.deepEqual(own.advertisedFor(flow), { host: '203.0.113.7', port: 5090 });
});

test('architecture "Own addresses": else the local address the kernel picks towards the target', async (t) => {
  const own = new OwnAddresses({ network: network() }, { domains: ['example.org'] });
  const wildcard = listener('0.0.0.0', 5060);
  own.add(wildcard);
  for (const [remote, host] of [
    ['198.51.100.1:5060', '192.0.2.1'],
    ['127.0.0.1:5070', '127.0.0.1'],
  ] as const) {
    const flow = flowOn(wildcard, remote);
    const finding = own.prepare(flow);
    t.not(finding, undefined);
    await finding;
    t.is(own.prepare(flow), undefined, 'asked once for each host');
    t.deepEqual(own.advertisedFor(flow), { host, port: 5060 });
  }
});
