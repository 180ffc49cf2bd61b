import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { encodeDataFrame } from '../../../../src/reload/link/frame.ts';
import type { Link, LinkHandler, TraceHook } from '../../../../src/reload/link/link.ts';
import { LinkLayer, type LinkLayerOptions } from '../../../../src/reload/link/link-layer.ts';
import { requirePrograms } from '../../../support/programs.ts';
import { projectRoot } from '../../../support/project.ts';
import { checkFrames } from '../../../support/wirecheck.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PORT = 6084;

/** Node n has the byte n sixteen times as its Node-ID, and a certificate that consists of it. */
const nodeIdOf = (n: number) => n.toString(16).padStart(2, '0').repeat(16);

function simulation() {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock }, { latencyMs: [10, 10], seed: 1 });
  const node = (
    n: number,
    more: Partial<LinkLayerOptions> & { address?: string; trace?: TraceHook } = {},
  ) => {
    const address = more.address ?? `10.0.0.${n}`;
    const links: Link[] = [];
    const seen: string[] = [];
    const handler: LinkHandler = {
      onMessage: (message, link) => seen.push(`${link.peer.nodeIds[0]?.slice(0, 2)}: ${message}`),
      onOversized: (prefix, link) => {
        seen.push(`oversized ${prefix.length}`);
        link.send(Buffer.from('too large'));
      },
      onState: (state) => seen.push(state),
      onClosed: (reason) => seen.push(`closed ${reason.code}`),
    };
    const layer = new LinkLayer(
      { clock, network: network.host(address), logger: silentLogger, metrics: noMetrics, trace: more.trace },
      {
        identity: { tls: { certificates: [Buffer.from(nodeIdOf(n), 'hex')], privateKey } },
        nodeId: nodeIdOf(n),
        verifyPeer: ([certificate]) => {
          const nodeId = Buffer.from(certificate ?? []).toString('hex');
          if (nodeId === nodeIdOf(0xee)) throw new Error('not of this overlay');
          return { nodeIds: [nodeId] };
        },
        limits: { maxMessageBytes: 1_000 },
        ...more,
      },
    );
    const take = (link: Link) => {
      links.push(link);
      link.setHandler(handler);
      return link;
    };
    return {
      layer,
      links,
      seen,
      address: { host: address, port: PORT },
      listen: () => layer.listen({ host: address, port: PORT }, take),
      connect: async (to: { address: { host: string; port: number } }, expect?: string) =>
        take(await clock.runUntil(layer.connect(to.address, expect === undefined ? {} : { expect }))),
    };
  };
  return { clock, network, node };
}

test('B16: a link carries messages both ways, knows its peer and measures the round trip', async (t) => {
  const { clock, node } = simulation();
  const [a, b] = [node(1), node(2)];
  await b.listen();
  const link = await a.connect(b);
  link.send(Buffer.from('one'));
  link.send(Buffer.from('two'));
  await clock.advance(100);
  b.links[0]?.send(Buffer.from('back'));
  await clock.advance(100);
  t.deepEqual(b.seen, ['01: one', '01: two']);
  t.deepEqual(a.seen, ['02: back']);
  t.deepEqual(link.peer.nodeIds, [nodeIdOf(2)]);
  t.true(link.isInitiator);
  t.false(b.links[0]?.isInitiator);
  t.is(link.rttMs, 20);
  link.close();
  await clock.advance(100);
  t.deepEqual(a.seen.slice(1), ['closed', 'closed link-closed']);
  t.deepEqual(b.seen.slice(2), ['closed', 'closed peer-closed']);
});

test('B15: each data frame is acknowledged at once with its number and bitmap', async (t) => {
  const { clock, node } = simulation();
  const frames: string[] = [];
  const trace: TraceHook = (direction, peer, frame) =>
    frames.push(`${direction} ${peer.slice(0, 2)} ${Buffer.from(frame).toString('hex')}`);
  const [a, b] = [node(1, { trace }), node(2)];
  await b.listen();
  const link = await a.connect(b);
  for (const text of ['A', 'B', 'C']) link.send(Buffer.from(text));
  await clock.advance(100);
  t.deepEqual(frames, [
    'out 02 800000000000000141',
    'out 02 800000000100000142',
    'out 02 800000000200000143',
    'in 02 810000000000000000',
    'in 02 810000000100000002',
    'in 02 810000000200000006',
  ]);
});

test('B16: a silent peer makes the link suspect after the RTO; it comes back with the acks', async (t) => {
  const { clock, network, node } = simulation();
  const [a, b] = [node(1), node(2)];
  await b.listen();
  const link = await a.connect(b);
  network.silence(b.address.host);
  link.send(Buffer.from('anyone?'));
  await clock.advance(1_100);
  t.is(link.state, 'suspect');
  await clock.advance(20_000);
  network.heal();
  await clock.advance(100);
  t.is(link.state, 'up');
  t.deepEqual(a.seen, ['suspect', 'up']);
  t.deepEqual(b.seen, ['01: anyone?']);
});

test('B16: no ack for RTO + 30 s fails the link', async (t) => {
  const { clock, network, node } = simulation();
  const [a, b] = [node(1), node(2)];
  await b.listen();
  const link = await a.connect(b);
  network.silence(b.address.host);
  link.send(Buffer.from('anyone?'));
  await clock.advance(32_000);
  t.deepEqual(a.seen, ['suspect', 'closed', 'closed link-failed']);
  t.is(clock.pendingTimers, 0);
});

test('a reset by the peer closes the link at once', async (t) => {
  const { clock, network, node } = simulation();
  const [a, b] = [node(1), node(2)];
  await b.listen();
  await a.connect(b);
  network.kill(b.address.host);
  await clock.advance(100);
  t.deepEqual(a.seen, ['closed', 'closed peer-closed']);
});

test('B16: a message beyond max-message-size is answered, then the link closes; our own is not sent', async (t) => {
  const { clock, node } = simulation();
  const [a, b] = [node(1, { limits: { maxMessageBytes: 20_000 } }), node(2)];
  await b.listen();
  const link = await a.connect(b);
  t.throws(() => link.send(Buffer.alloc(20_001)), { code: 'message-too-large' });
  link.send(Buffer.alloc(15_000));
  await clock.advance(200);
  t.deepEqual(b.seen, ['oversized 8192', 'closed', 'closed message-too-large']);
  t.deepEqual(a.seen, ['02: too large', 'closed', 'closed peer-closed']);
});

test('bytes that are no frame close the link', async (t) => {
  const { clock, network, node } = simulation();
  const b = node(2);
  await b.listen();
  const stranger = await clock.runUntil(
    network.host('10.0.0.9').connect(b.address, {
      tls: { identity: { certificates: [Buffer.from(nodeIdOf(9), 'hex')], privateKey } },
    }),
  );
  stranger.send(encodeDataFrame(0, Buffer.from('fine')));
  stranger.send(Buffer.from('OPTIONS sip:b SIP/2.0\r\n'));
  await clock.advance(100);
  t.deepEqual(b.seen, ['09: fine', 'closed', 'closed bad-frame']);
});

test('B13: a refused certificate: the client by connect, the server by close', async (t) => {
  const { clock, node } = simulation();
  const [a, bad] = [node(1), node(0xee)];
  await a.listen();
  await bad.listen();
  await t.throwsAsync(a.connect(bad), { code: 'peer-refused' });
  await bad.connect(a);
  await clock.advance(100);
  t.deepEqual(bad.seen, ['closed', 'closed peer-refused']);
  t.is(a.links.length, 0);
});

test('B13: the certificate must match the node that was asked for', async (t) => {
  const { node } = simulation();
  const [a, b] = [node(1), node(2)];
  await b.listen();
  const error = await t.throwsAsync(a.connect(b, nodeIdOf(3)), { code: 'peer-refused' });
  t.regex(error?.message ?? '', /expected node 0303/);
  t.is((await a.connect(b, nodeIdOf(2))).state, 'up');
});

test('our own address among the bootstrap peers is no conflict', async (t) => {
  const { clock, node } = simulation();
  const a = node(1);
  let conflicts = 0;
  a.layer.conflict.on(() => conflicts++);
  await a.listen();
  await t.throwsAsync(a.connect(a), { code: 'self-connection' });
  await clock.advance(10_000);
  t.is(conflicts, 0);
  t.is(a.links.length, 0);
});

test('another node with our Node-ID is a conflict on both sides', async (t) => {
  const { clock, node } = simulation();
  const [a, clone] = [node(1), node(1, { address: '10.0.0.77' })];
  const conflicts: string[] = [];
  for (const { layer } of [a, clone]) layer.conflict.on((error) => conflicts.push(error.message));
  await a.listen();
  await t.throwsAsync(clone.connect(a), { code: 'node-id-conflict' });
  await clock.advance(5_000);
  t.is(conflicts.length, 2);
  t.regex(conflicts[0] ?? '', /data directory copied/);
});

test('links are bounded, both ways', async (t) => {
  const { clock, node } = simulation();
  const b = node(2, { maxLinks: 1 });
  const [a, c] = [node(1), node(3)];
  await b.listen();
  await c.listen();
  await a.connect(b);
  await c.connect(b);
  await clock.advance(100);
  t.is(b.links.length, 1);
  t.true(c.seen.includes('closed'));
  await t.throwsAsync(b.connect(c), { code: 'too-many-links' });
});

test('connecting can be aborted, and stop gives up everything', async (t) => {
  const { clock, network, node } = simulation();
  const [a, b] = [node(1), node(2)];
  await b.listen();
  const link = await a.connect(b);
  network.silence('10.0.0.3');
  await node(3).listen();
  const abort = new AbortController();
  const aborted = a.layer.connect({ host: '10.0.0.3', port: PORT }, { signal: abort.signal });
  const stopped = a.layer.connect({ host: '10.0.0.3', port: PORT });
  abort.abort(new Error('no longer needed'));
  await t.throwsAsync(aborted, { message: 'no longer needed' });
  await Promise.all([t.throwsAsync(stopped, { code: 'link-closed' }), a.layer.stop()]);
  t.is(link.state, 'closed');
  await b.layer.stop();
  await clock.advance(5_000);
  t.is(clock.pendingTimers, 0, 'no timer is left');
});

test('a congested link drops messages instead of hoarding them', async (t) => {
  const { clock, network, node } = simulation();
  const [a, b] = [
    node(1, { limits: { maxMessageBytes: 2 ** 20 } }),
    node(2, { limits: { maxMessageBytes: 2 ** 20 } }),
  ];
  await b.listen();
  const link = await a.connect(b);
  network.silence(b.address.host);
  for (let count = 0; count < 20; count++) link.send(Buffer.alloc(2 ** 20));
  network.heal();
  await clock.advance(1_000);
  t.true(b.seen.length > 3 && b.seen.length < 10, `${b.seen.length} arrived`);
});

test('B15: Wireshark reads the frames of a link', async (t) => {
  if (!requirePrograms(t, 'tshark', 'text2pcap')) return;
  const { clock, node } = simulation();
  const frames: string[] = [];
  const trace: TraceHook = (_direction, _peer, frame) => frames.push(Buffer.from(frame).toString('hex'));
  const [a, b] = [
    node(1, { trace, limits: { maxMessageBytes: 65_536 } }),
    node(2, { limits: { maxMessageBytes: 65_536 } }),
  ];
  await b.listen();
  const link = await a.connect(b);
  const fixture = path.join(projectRoot, 'test/fixtures/reload-frames/messages.hex');
  const messages = readFileSync(fixture, 'latin1').split('\n').slice(0, 10);
  for (const line of messages) link.send(Buffer.from(line.split(' ')[0] ?? '', 'hex'));
  await clock.advance(100);
  const verdicts = await checkFrames(frames);
  t.is(verdicts.length, 20);
  t.deepEqual(
    verdicts.filter((verdict) => !verdict.startsWith('ok')),
    [],
  );
});
