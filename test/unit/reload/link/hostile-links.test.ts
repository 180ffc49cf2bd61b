import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { liveBytes } from '../../../../sim/live-bytes.ts';
import type { Connection } from '../../../../src/base/index.ts';
import { silentLogger } from '../../../../src/base/index.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { encodeAckFrame, encodeDataFrame } from '../../../../src/reload/link/frame.ts';
import { FrameReader } from '../../../../src/reload/link/frame-reader.ts';
import type { Link } from '../../../../src/reload/link/link.ts';
import { LinkLayer } from '../../../../src/reload/link/link-layer.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PORT = 6084;
const VICTIM = { host: '10.0.0.1', port: PORT };
const certificateOf = (n: number) => {
  const certificate = Buffer.alloc(16);
  certificate.writeUInt32BE(n, 12);
  return certificate;
};

/** One listening node, and attackers who have a certificate and say on the wire what they like. */
async function victim(options: { maxLinks?: number } = {}) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock }, { latencyMs: [10, 10], seed: 1 });
  const metrics = new CountingMetrics();
  const links: Link[] = [];
  const seen: string[] = [];
  const layer = new LinkLayer(
    { clock, network: network.host(VICTIM.host), logger: silentLogger, metrics },
    {
      identity: { tls: { certificates: [certificateOf(0)], privateKey } },
      nodeId: certificateOf(0).toString('hex'),
      verifyPeer: ([certificate]) => ({ nodeIds: [Buffer.from(certificate ?? []).toString('hex')] }),
      limits: { maxMessageBytes: 1_000_000 },
      ...options,
    },
  );
  await layer.listen(VICTIM, (link) => {
    links.push(link);
    link.setHandler({
      onMessage: (message) => seen.push(`message of ${message.length}`),
      onClosed: ({ code }) => seen.push(code),
    });
  });
  const attack = async (host: string, n: number): Promise<Connection & { closed: boolean }> => {
    const connection = await clock.runUntil(
      network.host(host).connect(VICTIM, {
        tls: { identity: { certificates: [certificateOf(n)], privateKey }, verifyPeer: () => {} },
      }),
    );
    const state = Object.assign(connection, { closed: false });
    connection.setHandler({
      onData: () => {},
      onClose: () => {
        state.closed = true;
      },
    });
    await clock.advance(50);
    return state;
  };
  return { clock, network, metrics, links, seen, layer, attack };
}

test('B16: a frame that comes a byte at a time does not hold a link for ever', async (t) => {
  const { clock, attack, seen, layer } = await victim();
  const slow = await attack('10.0.1.1', 1);
  const frame = encodeDataFrame(0, Buffer.alloc(50_000));
  const [began, ended] = [clock.monotonic(), () => seen.includes('bad-frame')];
  for (let at = 0; at < frame.length && !ended(); at++) {
    slow.send(frame.subarray(at, at + 1));
    await clock.advance(1_000);
  }
  t.true(ended());
  t.true(clock.monotonic() - began <= 60_000);
  t.is(clock.pendingTimers, 0);
  await layer.stop();
});

test('B16: an honest link with large frames in many pieces stays up', async (t) => {
  const { clock, attack, seen, layer } = await victim();
  const honest = await attack('10.0.1.1', 1);
  const frame = encodeDataFrame(0, Buffer.alloc(40_000));
  for (let i = 0; i < 20; i++) {
    honest.send(frame.subarray(0, 30_000));
    await clock.advance(7_000);
    honest.send(frame.subarray(30_000));
  }
  await clock.advance(1_000);
  t.is(seen.length, 20);
  t.false(honest.closed);
  await layer.stop();
});

test('a storm of links from one address leaves three quarters of the room for others', async (t) => {
  const { metrics, links, attack, layer } = await victim({ maxLinks: 40 });
  const storm: { closed: boolean }[] = [];
  for (let n = 1; n <= 100; n++) storm.push(await attack('10.0.1.1', n));
  t.is(links.length, 10);
  t.is(storm.filter(({ closed }) => closed).length, 90);
  t.is(
    metrics.value('reload_link_handshakes_failed_total', {
      direction: 'in',
      reason: 'too-many-links-from-one-address',
    }),
    90,
  );
  t.false((await attack('10.0.1.2', 1_000)).closed);
  links[0]?.close();
  t.false((await attack('10.0.1.1', 1_001)).closed, 'a place that is free again');
  t.true((await attack('10.0.1.1', 1_002)).closed);
  await layer.stop();
});

test('nodes that ask much and read nothing hold 64 MiB of answers in all', async (t) => {
  const { clock, network, metrics, links, attack, layer } = await victim();
  const connections: { closed: boolean }[] = [];
  for (let n = 1; n <= 40; n++) connections.push(await attack(`10.0.1.${n}`, n));
  for (let n = 1; n <= 40; n++) network.silence(`10.0.1.${n}`);
  const answer = Buffer.alloc(500_000);
  const queued = () =>
    network.find(VICTIM.host) === undefined
      ? 0
      : [...network.find(VICTIM.host)!.connections].reduce((sum, one) => sum + one.bufferedBytes, 0);
  for (let round = 0; round < 20; round++) {
    for (const link of links) link.send(answer);
    await clock.advance(101);
  }
  t.true(queued() > 60 * 2 ** 20, `${queued()}`);
  t.true(queued() < 90 * 2 ** 20, `${queued()}`);
  t.true(metrics.value('reload_link_dropped_total') > 500);
  const honest = await attack('10.0.2.1', 99);
  const before = metrics.value('reload_link_dropped_total');
  links.at(-1)?.send(Buffer.alloc(2_000));
  t.is(metrics.value('reload_link_dropped_total'), before, 'a short queue is sent on all the same');
  t.false(honest.closed);
  await layer.stop();
});

test('B15, B16: acks of what was never sent, and acks twice, change nothing', async (t) => {
  const { clock, attack, links, seen, layer } = await victim();
  const liar = await attack('10.0.1.1', 1);
  for (const sequence of [0, 1, 0x7fff_ffff, 0xffff_ffff]) liar.send(encodeAckFrame(sequence, 0xffff_ffff));
  await clock.advance(100);
  links[0]?.send(Buffer.from('hello'));
  for (let i = 0; i < 3; i++) liar.send(encodeAckFrame(0xffff_fff0 + i, 0));
  await clock.advance(500);
  t.is(links[0]?.rttMs, undefined);
  liar.send(encodeAckFrame(0, 0));
  await clock.advance(100);
  t.true((links[0]?.rttMs ?? 0) > 500);
  t.deepEqual(seen, []);
  await layer.stop();
});

test('a frame that is only declared takes no memory', async (t) => {
  const sink = { maxMessageBytes: 2 ** 24 - 1, onFrame() {}, onOversized() {}, onBadFrame() {} };
  const header = encodeDataFrame(0, Buffer.alloc(2 ** 24 - 1)).subarray(0, 9);
  const before = await liveBytes();
  const readers = Array.from({ length: 1_000 }, () => {
    const reader = new FrameReader(sink);
    reader.push(header);
    return reader;
  });
  t.true((await liveBytes()) - before < 16 * 2 ** 20);
  t.true(readers.every(({ isIncomplete }) => isIncomplete));
});

test('B15: the same frames come out however the stream is cut, and garbage ends it', (t) => {
  const frames = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((message) => encodeDataFrame(1, message)),
      fc.constant(encodeAckFrame(2, 3)),
    ),
    { maxLength: 12 },
  );
  const property = fc.property(
    frames,
    fc.uint8Array({ maxLength: 40 }),
    fc.infiniteStream(fc.integer({ min: 1, max: 400 })),
    (sent, garbage, cuts) => {
      const stream = Buffer.concat([...sent, garbage]);
      const read = (sizes: Iterator<number>): string[] => {
        const out: string[] = [];
        const reader = new FrameReader({
          maxMessageBytes: 250,
          onFrame: (frame) => out.push(frame.toString('hex')),
          onOversized: (prefix, bytes) => out.push(`oversized ${prefix.length} ${bytes}`),
          onBadFrame: (type) => out.push(`bad ${type}`),
        });
        for (let at = 0; at < stream.length; ) {
          const size = sizes.next().value ?? stream.length;
          reader.push(Buffer.from(stream.subarray(at, at + size)));
          at += size;
        }
        return out;
      };
      const whole = read([stream.length].values());
      t.deepEqual(read(cuts), whole);
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});
