import test from 'ava';
import { type Address, CodedError, type Multicast, silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { SimulatedLan } from '../../../../src/base/virtual/simulated-lan.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { decodeDns, encodeDns } from '../../../../src/reload/discovery/dns-message.ts';
import { LocalDiscovery, MDNS_GROUPS } from '../../../../src/reload/discovery/local-discovery.ts';
import { announcementOf } from '../../../../src/reload/discovery/responder.ts';
import { recordsOf } from '../../../../src/reload/discovery/service-records.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';

const OVERLAY = 'example.org';
const MDNS = MDNS_GROUPS[0]!.address;

function localNetwork(seed = 1) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock }, { latencyMs: [1, 3], seed });
  const lan = new SimulatedLan(network);
  const random = new SeededRandom(seed);
  let count = 0;
  const host = (address = `10.1.${Math.floor(++count / 250)}.${(count % 250) + 1}`) => {
    network.host(address);
    return address;
  };
  const peer = (
    options: { overlay?: string; multicast?: Multicast; own?: Address[]; groups?: Address[] } = {},
  ) => {
    const address = host();
    const { overlay = OVERLAY, own = [{ host: address, port: 6084 }] } = options;
    const metrics = new CountingMetrics();
    const warnings: string[] = [];
    const nodeId = Buffer.from(random.bytes(16)).toString('hex');
    const groups = (options.groups ?? [MDNS]).map((group) => ({ address: group, hops: 1 }));
    const discovery = new LocalDiscovery(
      {
        clock,
        random,
        multicast: options.multicast ?? lan.host(address),
        logger: {
          ...silentLogger,
          warn: (text, fields) => warnings.push(`${text} ${JSON.stringify(fields)}`),
        },
        metrics,
      },
      { overlay, nodeId, groups: () => groups },
    );
    let found = 0;
    discovery.found.on(() => found++);
    return {
      ...{ discovery, metrics, warnings, nodeId, address, own },
      start: () => discovery.start(() => own),
      hosts: () => discovery.addresses().map((one) => one.host),
      founds: () => found,
      counted: (direction: 'in' | 'out', kind: string) =>
        metrics.value('reload_discovery_datagrams_total', { direction, kind }),
    };
  };
  return { clock, network, lan, host, peer };
}

test('A23: peers of one overlay find each other at once, those of another do not', async (t) => {
  const { clock, peer } = localNetwork();
  const [a, b, stranger] = [peer(), peer(), peer({ overlay: 'other.example' })];
  for (const one of [a, b, stranger]) await one.start();
  await clock.advance(1_500);
  t.deepEqual(a.hosts(), [b.address]);
  t.deepEqual(b.hosts(), [a.address]);
  t.deepEqual(stranger.hosts(), []);
  t.is(a.founds(), 1);
  await b.discovery.stop();
  await clock.advance(100);
  t.deepEqual(a.hosts(), []);
  for (const one of [a, stranger]) await one.discovery.stop();
  await clock.advance(100);
  t.is(clock.pendingTimers, 0);
});

test('A23: a peer that was not there when the others announced themselves asks and is answered', async (t) => {
  const { clock, peer } = localNetwork();
  const [a, late] = [peer(), peer()];
  await a.start();
  await clock.advance(3_600_000);
  await late.start();
  await clock.advance(500);
  t.deepEqual(late.hosts(), [a.address]);
  t.deepEqual(a.hosts(), [late.address]);
  for (const one of [a, late]) await one.discovery.stop();
});

test('A23: who has nothing to announce finds the others all the same', async (t) => {
  const { clock, peer } = localNetwork();
  const [a, client] = [peer(), peer({ own: [] })];
  await a.start();
  await client.start();
  await clock.advance(500);
  t.deepEqual(client.hosts(), [a.address]);
  t.deepEqual(a.hosts(), []);
  for (const one of [a, client]) await one.discovery.stop();
});

test('A23: of thirty peers a few answer, and a quiet network stays quiet', async (t) => {
  const { clock, lan, peer } = localNetwork();
  const peers = Array.from({ length: 30 }, () => peer());
  for (const one of peers) {
    await one.start();
    await clock.advance(37);
  }
  await clock.advance(300_000);
  const newcomer = peer();
  const before = lan.totals.sent;
  await newcomer.start();
  await clock.advance(900);
  t.true(newcomer.hosts().length >= 3);
  const answers = lan.totals.sent - before;
  t.log(`${answers} datagrams for one newcomer among 30`);
  t.true(answers <= 25, `${answers}`);
  const quiet = lan.totals.sent;
  await clock.advance(3_600_000);
  const perHour = (lan.totals.sent - quiet) / peers.length;
  t.log(`${perHour.toFixed(1)} datagrams an hour for each of 30 peers that stand`);
  t.true(perHour < 40);
  for (const one of [...peers, newcomer]) await one.discovery.stop();
});

test('T1: the same in the group that a document names, and nowhere else', async (t) => {
  const { clock, peer } = localNetwork();
  const group = { host: '239.1.2.3', port: 6084 };
  const [a, b, elsewhere] = [peer({ groups: [group] }), peer({ groups: [group] }), peer()];
  for (const one of [a, b, elsewhere]) await one.start();
  await clock.advance(1_000);
  t.deepEqual([a.hosts(), b.hosts(), elsewhere.hosts()], [[b.address], [a.address], []]);
  for (const one of [a, b, elsewhere]) await one.discovery.stop();
});

test('A21: without multicast: one line in the log, nothing to wait for, and another attempt later', async (t) => {
  const { clock, lan, peer, host } = localNetwork();
  let isPlugged = false;
  const address = host();
  const multicast: Multicast = {
    join: (...args) => {
      if (!isPlugged) throw new CodedError('multicast-unavailable', 'no interface carries it');
      return lan.host(address).join(...args);
    },
  };
  const [a, b] = [peer({ multicast }), peer()];
  await b.start();
  await a.start();
  t.false(a.discovery.works);
  await clock.advance(60_000);
  t.is(a.warnings.length, 1);
  t.regex(a.warnings[0] ?? '', /local network are not looked for .*no interface carries it/);
  isPlugged = true;
  await clock.advance(130_000);
  t.true(a.discovery.works);
  t.deepEqual(a.hosts(), [b.address]);
  for (const one of [a, b]) await one.discovery.stop();
  await clock.advance(100);
  t.is(clock.pendingTimers, 0);
});

test('A23: one host can neither fill the table nor take away what another told', async (t) => {
  const { clock, lan, peer, host } = localNetwork();
  const [a, b] = [peer(), peer()];
  await a.start();
  await b.start();
  await clock.advance(1_000);
  const liar = host();
  const socket = await lan.host(liar).join(MDNS, { onDatagram() {} }, { hops: 1 });
  for (let n = 0; n < 500; n++) {
    const nodeId = n.toString(16).padStart(32, '0');
    const records = recordsOf({
      overlay: OVERLAY,
      nodeId,
      addresses: [{ host: `10.9.9.${n % 250}`, port: 1 + n }],
    });
    socket.send(encodeDns(announcementOf(records), ['PTR']));
  }
  const own = recordsOf({ overlay: OVERLAY, nodeId: b.nodeId, addresses: b.own });
  await clock.advance(60_000);
  socket.send(encodeDns(announcementOf(own, true), ['PTR']));
  socket.send(Buffer.from('rubbish'));
  await clock.advance(100);
  t.true(a.hosts().includes(b.address));
  t.is(a.discovery.addresses().length, 9);
  t.true(a.counted('in', 'too-many') >= 390);
  t.is(a.counted('in', 'malformed'), 1);
  await clock.advance(3 * 3_600_000);
  t.deepEqual(a.hosts(), [b.address], 'what is not heard again is forgotten');
  for (const one of [a, b]) await one.discovery.stop();
});

test('A23: one host of an IPv6 network does not speak for the others, whose prefix is the same', async (t) => {
  const { clock, lan, peer, host } = localNetwork();
  const a = peer();
  await a.start();
  const announce = async (from: string, n: number) => {
    const socket = await lan.host(from).join(MDNS, { onDatagram() {} }, { hops: 1 });
    const nodeId = n.toString(16).padStart(32, '0');
    const addresses = [{ host: `10.9.9.${n % 250}`, port: 6084 }];
    socket.send(encodeDns(announcementOf(recordsOf({ overlay: OVERLAY, nodeId, addresses })), ['PTR']));
  };
  const liar = host('fe80::bad');
  for (let n = 0; n < 200; n++) await announce(liar, n);
  await announce(host('fe80::600d'), 249);
  await clock.advance(100);
  t.true(a.counted('in', 'too-many') >= 95);
  t.true(a.hosts().includes('10.9.9.249'));
  await a.discovery.stop();
});

test('A23: what a host of many addresses sends is bounded as well, and others are heard a little later', async (t) => {
  const { clock, lan, peer, host } = localNetwork();
  const a = peer();
  await a.start();
  await clock.advance(1_000);
  for (let n = 0; n < 500; n++) {
    const socket = await lan.host(host()).join(MDNS, { onDatagram() {} }, { hops: 1 });
    socket.send(Buffer.alloc(4_000));
  }
  await clock.advance(100);
  t.true(a.counted('in', 'too-many') >= 270);
  await clock.advance(1_000);
  const b = peer();
  await b.start();
  await clock.advance(1_500);
  t.deepEqual(a.hosts(), [b.address]);
  for (const one of [a, b]) await one.discovery.stop();
});

test('A23: stopped while it starts, it asks nobody any more', async (t) => {
  const { clock, peer } = localNetwork();
  const a = peer();
  const started = a.start();
  await a.discovery.stop();
  await started;
  await clock.advance(100);
  t.is(clock.pendingTimers, 0);
});

test('A23: loopback is announced only where there is nothing else; answers from another port count for nothing', async (t) => {
  const { clock, lan, peer, host } = localNetwork();
  const loopback = { host: '127.0.0.1', port: 6085 };
  const outside = { host: '10.1.0.77', port: 6084 };
  const here = [{ host: '127.0.0.1', port: 6084 }];
  const [a, b, c] = [peer({ own: [loopback, outside] }), peer({ own: [loopback] }), peer({ own: here })];
  for (const one of [a, b, c]) await one.start();
  await clock.advance(1_500);
  t.deepEqual(
    c.discovery.addresses().toSorted((x, y) => x.port - y.port),
    [outside, loopback],
  );
  const liar = host();
  const socket = await lan
    .host(liar)
    .join({ host: MDNS.host, port: 40_000 }, { onDatagram() {} }, { hops: 1 });
  const records = recordsOf({
    overlay: OVERLAY,
    nodeId: 'ab'.repeat(16),
    addresses: [{ host: liar, port: 1 }],
  });
  socket.sendTo(encodeDns(announcementOf(records), ['PTR']), { host: c.address, port: MDNS.port });
  await clock.advance(100);
  t.false(c.hosts().includes(liar));
  for (const one of [a, b, c]) await one.discovery.stop();
});

test('A23: an ordinary resolver is answered at its own port, alone', async (t) => {
  const { clock, lan, peer, host } = localNetwork();
  const a = peer();
  await a.start();
  await clock.advance(5_000);
  const resolver = host();
  const answers: string[] = [];
  // The port of another group stands for any port that is not mDNS's.
  const socket = await lan.host(resolver).join(
    { host: MDNS.host, port: 40_000 },
    {
      onDatagram: (data) =>
        answers.push(
          decodeDns(data)
            .answers.map(({ type }) => type)
            .join(),
        ),
    },
    { hops: 1 },
  );
  const question = { name: '_reload-config._tcp.local', type: 'PTR' } as const;
  const query = { id: 5, isResponse: false, questions: [question], answers: [], additionals: [] };
  socket.sendTo(encodeDns(query), { host: a.address, port: MDNS.port });
  await clock.advance(50);
  t.is(a.counted('out', 'legacy-answer'), 1);
  const others = Array.from(
    { length: 50 },
    () => ({ name: `${'x'.repeat(60)}.local`, type: 'PTR' }) as const,
  );
  const many = encodeDns({ ...query, questions: [question, ...others] });
  t.true(many.length < 4_096);
  socket.sendTo(many, { host: a.address, port: MDNS.port });
  await clock.advance(50);
  t.is(a.counted('out', 'legacy-answer'), 1, 'nobody is flooded by way of a peer');
  await a.discovery.stop();
  await socket.close();
});
