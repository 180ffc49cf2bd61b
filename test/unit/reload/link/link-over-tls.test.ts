import test from 'ava';
import { noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../../../src/net/index.ts';
import type { Link } from '../../../../src/reload/link/link.ts';
import { LinkLayer } from '../../../../src/reload/link/link-layer.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { createSelfSignedIdentity, type Identity } from '../../../../src/reload/security/identity.ts';

const network = new SystemNetwork();
const LOOPBACK = { host: '127.0.0.1', port: 0 };

const newIdentity = () =>
  createSelfSignedIdentity({ clock: systemClock, random: systemRandom }, { overlay: 'example.org' });

function layerOf(identity: Identity, welcome: readonly string[] = []) {
  return new LinkLayer(
    { clock: systemClock, network, logger: silentLogger, metrics: noMetrics },
    {
      identity,
      nodeId: identity.nodeId,
      verifyPeer: ([der]) => {
        if (der === undefined) throw new Error('no certificate');
        const { nodeIds } = Certificate.parse(der);
        if (welcome.length > 0 && !nodeIds.some((nodeId) => welcome.includes(nodeId))) {
          throw new Error('a stranger');
        }
        return { nodeIds };
      },
      limits: { maxMessageBytes: 65_536 },
    },
  );
}

const nextMessage = (link: Link) =>
  new Promise<Buffer>((resolve) =>
    link.setHandler({ onMessage: (message) => resolve(Buffer.from(message)) }),
  );
const closeOf = (link: Link) =>
  new Promise<string>((resolve) =>
    link.setHandler({ onMessage: () => {}, onClosed: (reason) => resolve(reason.code) }),
  );

test('B13, B16: two nodes with self-signed certificates exchange messages over real TLS', async (t) => {
  const [alice, bob] = [newIdentity(), newIdentity()];
  const [a, b] = [layerOf(alice, [bob.nodeId]), layerOf(bob, [alice.nodeId])];
  let onLink!: (link: Link) => void;
  const accepted = new Promise<Link>((resolve) => {
    onLink = resolve;
  });
  const listener = await b.listen(LOOPBACK, (link) => {
    link.setHandler({ onMessage: (message, from) => from.send(Buffer.concat([message, message])) });
    onLink(link);
  });
  const link = await a.connect(listener.local, { expect: bob.nodeId });
  const far = await accepted;
  t.deepEqual(link.peer.nodeIds, [bob.nodeId]);
  t.deepEqual(far.peer.nodeIds, [alice.nodeId]);
  t.deepEqual(Buffer.from(far.peer.certificate), Buffer.from(alice.certificate.der));
  const answer = nextMessage(link);
  link.send(Buffer.alloc(30_000, 'x'));
  t.is((await answer).length, 60_000);
  t.true((link.rttMs ?? 0) > 0);
  const closed = closeOf(far);
  link.close();
  t.is(await closed, 'peer-closed');
  await Promise.all([a.stop(), b.stop()]);
});

test('B13: a node that is not welcome learns it, whichever side it is on', async (t) => {
  const [alice, stranger] = [newIdentity(), newIdentity()];
  const [a, s] = [layerOf(alice, [alice.nodeId]), layerOf(stranger)];
  const [atAlice, atStranger] = await Promise.all([
    a.listen(LOOPBACK, () => t.fail('accepted a stranger')),
    s.listen(LOOPBACK, () => t.fail('the handshake was refused')),
  ]);
  await t.throwsAsync(a.connect(atStranger.local), { code: 'peer-refused' });
  const link = await s.connect(atAlice.local);
  t.is(await closeOf(link), 'peer-refused');
  await Promise.all([a.stop(), s.stop()]);
});

test('calling oneself is told from a second node with the same key', async (t) => {
  const identity = newIdentity();
  const [first, second] = [layerOf(identity), layerOf(identity)];
  const listener = await first.listen(LOOPBACK, () => t.fail('accepted ourselves'));
  await t.throwsAsync(first.connect(listener.local), { code: 'self-connection' });
  const atFirst = new Promise((resolve) => first.conflict.on(resolve));
  await t.throwsAsync(second.connect(listener.local), { code: 'node-id-conflict' });
  await atFirst;
  await Promise.all([first.stop(), second.stop()]);
});
