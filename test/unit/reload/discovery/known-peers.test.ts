import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { KnownPeers } from '../../../../src/reload/discovery/known-peers.ts';

const peer = (n: number) => ({
  nodeId: n.toString(16).padStart(32, '0'),
  addresses: [{ host: `10.0.0.${n}`, port: 6084 }],
});

test('T1: one host tells of eight peers at the most, and a host with eight addresses cannot keep others out', (t) => {
  const known = new KnownPeers(new VirtualClock());
  for (let host = 0; host < 8; host++) {
    for (let n = 0; n < 10; n++) known.heard(peer(host * 10 + n + 1), `10.1.0.${host}`);
  }
  t.is(known.addresses().length, 64);
  t.true(known.heard(peer(200), '10.2.0.1'));
  t.true(known.heard(peer(201), '10.2.0.2'));
  t.is(known.addresses().length, 64);
  const hosts = () => known.addresses().map(({ host }) => host);
  t.true(hosts().includes('10.0.0.200') && hosts().includes('10.0.0.201'));
  for (let n = 0; n < 100; n++) known.heard(peer(1 + (n % 80)), `10.1.0.${n % 8}`);
  t.true(hosts().includes('10.0.0.200') && hosts().includes('10.0.0.201'), 'and those stay');
});

test('T1: a host that told of as few as a new one does not give way', (t) => {
  const known = new KnownPeers(new VirtualClock());
  for (let n = 1; n <= 64; n++) known.heard(peer(n), `10.1.0.${n}`);
  t.false(known.heard(peer(200), '10.2.0.1'));
});
