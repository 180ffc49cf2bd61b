import test from 'ava';
import { type Connection, type PresharedKey, silentLogger, utf8 } from '../../../../src/base/index.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { builtInDocument } from '../../../../src/reload/document/overlay-document.ts';
import { signedIntroduction } from '../../../../src/reload/forwarding/signed-introduction.ts';
import { encodeDataFrame } from '../../../../src/reload/link/frame.ts';
import { FrameReader } from '../../../../src/reload/link/frame-reader.ts';
import type { Link, LinkHandler } from '../../../../src/reload/link/link.ts';
import { LinkLayer } from '../../../../src/reload/link/link-layer.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { OVERLAY, testOverlay } from '../security/support.ts';

const PORT = 6084;
const SECRET = 'the secret of this overlay';

function simulation() {
  const overlay = testOverlay();
  const { clock, random } = overlay;
  const network = new SimulatedNetwork({ clock }, { latencyMs: [10, 10], seed: 1 });
  const document = builtInDocument(OVERLAY);
  const introductionOf = ({ signer }: Identity) =>
    signedIntroduction(
      { random, certificates: overlay.store },
      { document: () => document, signer: () => signer },
    );
  let hosts = 0;
  const node = (
    options: { secret?: string; identity?: Identity; speaker?: Identity; host?: string } = {},
  ) => {
    const { identity = overlay.identity(), secret = SECRET } = options;
    const host = options.host ?? `10.0.0.${++hosts}`;
    const metrics = new CountingMetrics();
    const log: string[] = [];
    const links: Link[] = [];
    const seen: string[] = [];
    const handler: LinkHandler = {
      onMessage: (message, link) => seen.push(`${link.peer.nodeIds[0]}: ${message}`),
      onClosed: (reason) => seen.push(`closed ${reason.code}`),
    };
    const key = (): PresharedKey => ({ identity: OVERLAY, key: utf8(secret) });
    const layer = new LinkLayer(
      {
        clock,
        network: network.host(host),
        logger: { ...silentLogger, info: (text, fields) => log.push(`${text} ${JSON.stringify(fields)}`) },
        metrics,
      },
      {
        identity,
        nodeId: identity.nodeId,
        verifyPeer: ([der]) => ({ nodeIds: overlay.store.verify(der ?? new Uint8Array(0)).nodeIds }),
        sharedSecret: { key, introduction: introductionOf(options.speaker ?? identity) },
        limits: { maxMessageBytes: 65_536 },
      },
    );
    const take = (link: Link) => {
      links.push(link);
      link.setHandler(handler);
      return link;
    };
    return {
      ...{ layer, links, seen, metrics, log, identity, key },
      nodeId: identity.nodeId,
      address: { host, port: PORT },
      listen: () => layer.listen({ host, port: PORT }, take),
      connect: async (to: { address: { host: string; port: number } }, expect?: string) =>
        take(await clock.runUntil(layer.connect(to.address, expect === undefined ? {} : { expect }))),
      refused: (reason: string) =>
        metrics.value('reload_link_handshakes_failed_total', { direction: 'in', reason }),
    };
  };
  /** Somebody who has the secret and does with it what he likes. */
  const member = async (to: { address: { host: string; port: number }; key: () => PresharedKey }) => {
    const connection = await clock.runUntil(
      network.host(`10.0.1.${++hosts}`).connect(to.address, { tls: { presharedKey: to.key } }),
    );
    const messages: Buffer[] = [];
    const reader = new FrameReader({
      maxMessageBytes: 65_536,
      onFrame: (frame) => frame[0] === 128 && messages.push(Buffer.from(frame.subarray(8))),
      onOversized() {},
      onBadFrame() {},
    });
    let closed = false;
    connection.setHandler({
      onData: (chunk) => reader.push(chunk),
      onClose: () => {
        closed = true;
      },
    });
    await clock.advance(50);
    return {
      connection,
      messages,
      isClosed: () => closed,
      say: async (message: Uint8Array, sequence = 0) => {
        connection.send(encodeDataFrame(sequence, message));
        await clock.advance(100);
      },
    };
  };
  return { clock, overlay, network, node, member, introductionOf };
}

const paddingOf = ({ channelBinding = '' }: Connection, side: 0 | 1) =>
  Buffer.concat([Buffer.from(channelBinding, 'hex'), Buffer.of(side)]);

test('T17, B33: each side introduces itself by a signed Ping before anything else', async (t) => {
  const { clock, node } = simulation();
  const [a, b] = [node(), node()];
  await b.listen();
  const link = await a.connect(b, b.nodeId);
  link.send(Buffer.from('one'));
  await clock.advance(100);
  b.links[0]?.send(Buffer.from('back'));
  await clock.advance(100);
  t.deepEqual(link.peer.nodeIds, [b.nodeId]);
  t.deepEqual(Buffer.from(link.peer.certificate), Buffer.from(b.identity.certificate.der));
  t.deepEqual(b.seen, [`${a.nodeId}: one`]);
  t.deepEqual(a.seen, [`${b.nodeId}: back`]);
  link.close();
  await clock.advance(100);
  t.is(clock.pendingTimers, 0);
});

test('B33: another secret, or none, is refused in one clear line and counted', async (t) => {
  const { clock, node, network } = simulation();
  const [a, b, stranger] = [node(), node(), node({ secret: 'guessed' })];
  await a.listen();
  await t.throwsAsync(stranger.connect(a), { code: 'secret-refused', message: /10\.0\.0\.1:6084/ });
  const plain = network.host('10.0.0.99').connect(a.address, { tls: { identity: b.identity.tls } });
  await t.throwsAsync(clock.runUntil(plain), { code: 'secret-refused' });
  t.is(a.refused('secret-refused'), 2);
  t.regex(a.log[0] ?? '', /a link was refused .*"host":"10\.0\.0\.3".*secret/);
});

test('T17: a node that is not the one expected is refused', async (t) => {
  const { clock, node } = simulation();
  const [a, b] = [node(), node()];
  await b.listen();
  await t.throwsAsync(a.connect(b, a.nodeId.replace(/./g, '7')), {
    code: 'peer-refused',
    message: /expected node 7+, met /,
  });
  await clock.advance(100);
  t.deepEqual([a.links, b.seen.length === 0 || b.seen], [[], b.seen.length === 0 || ['closed peer-closed']]);
});

test('T17: what comes before the introduction is not taken for a message, and silence ends the link', async (t) => {
  const { clock, node, member } = simulation();
  const a = node();
  await a.listen();
  const talker = await member(a);
  await talker.say(Buffer.from('not a Ping'));
  t.true(talker.isClosed());
  const silent = await member(a);
  await clock.advance(4_000);
  t.false(silent.isClosed());
  await clock.advance(1_500);
  t.true(silent.isClosed());
  t.deepEqual([a.links, a.seen], [[], []]);
  t.is(a.refused('peer-refused'), 2);
  t.is(clock.pendingTimers, 0);
});

test('T17: a Ping says nothing in another session, nor with a signature of somebody else', async (t) => {
  const { node, member, overlay, introductionOf } = simulation();
  const [a, victim] = [node(), overlay.identity()];
  await a.listen();
  // A member that plays the server to the victim has a Ping of it, of another session.
  const replayer = await member(a);
  const elsewhere = Buffer.concat([Buffer.alloc(16, 7), Buffer.of(0)]);
  await replayer.say(introductionOf(victim).hello(elsewhere));
  t.true(replayer.isClosed());
  // A signature that its key did not make.
  const forger = await member(a);
  const forged = Buffer.from(introductionOf(victim).hello(paddingOf(forger.connection, 0)));
  forged[forged.length - 1]! ^= 1;
  await forger.say(forged);
  t.true(forger.isClosed());
  // And the same done properly.
  const honest = await member(a);
  await honest.say(introductionOf(victim).hello(paddingOf(honest.connection, 0)));
  await honest.say(Buffer.from('hello'), 1);
  t.false(honest.isClosed());
  t.deepEqual(a.seen, [`${victim.nodeId}: hello`]);
});

test('T17: a Ping that is sent back does not look like a second node with our key', async (t) => {
  const { clock, node, network } = simulation();
  const a = node();
  const address = { host: '10.0.0.66', port: PORT };
  await network
    .host(address.host)
    .listen(
      address,
      (connection) => connection.setHandler({ onData: (chunk) => connection.send(chunk), onClose() {} }),
      { presharedKey: a.key },
    );
  await t.throwsAsync(a.connect({ address }), { code: 'peer-refused', message: /other side of this one/ });
  await clock.advance(5_000);
  t.is(clock.pendingTimers, 0);
});

test('T17: a certificate of another overlay is refused, and the log says why', async (t) => {
  const { node, overlay } = simulation();
  const a = node();
  const foreign = node({ identity: overlay.identity('ec', 'other.example') });
  await a.listen();
  await t.throwsAsync(foreign.connect(a), { code: 'peer-refused', message: /does not take our certificate/ });
  t.is(a.links.length, 0);
  t.true(a.log.some((line) => /certificate .*other\.example/.test(line)));
});

test('T17: calling oneself is told from a second node with the same key', async (t) => {
  const { clock, node } = simulation();
  const a = node({ host: '10.0.0.50' });
  const clone = node({ identity: a.identity });
  await a.listen();
  await t.throwsAsync(a.connect(a), { code: 'self-connection' });
  const conflicts: string[] = [];
  a.layer.conflict.on(({ code }) => conflicts.push(code));
  await t.throwsAsync(clone.connect(a), { code: 'node-id-conflict' });
  await clock.advance(5_000);
  t.deepEqual(conflicts, ['node-id-conflict']);
});
