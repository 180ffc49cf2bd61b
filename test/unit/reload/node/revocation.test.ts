import test from 'ava';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { errorCodeOf } from './bare-node.ts';
import { enrolledOverlay } from './enrolled-support.ts';

const HOUR_MS = 3_600_000;

test('T16: storers drop the values of a revoked user, replicas too, and nothing brings them back', async (t) => {
  const { overlay, enroll, bytes, grow } = enrolledOverlay(161);
  await grow(6, overlay.read(bytes(1)));
  const aor = `alice@${overlay.document.name}`;
  for (const [i, user] of ['alice', 'bob', 'carol', 'dave'].entries()) {
    await overlay.register(overlay.peers[i]!, user, `${user} here`);
    await overlay.register(overlay.peers[5]!, user, `${user} there`);
  }
  await overlay.clock.advance(30_000);
  const held = () => overlay.peers.reduce((sum, { node }) => sum + node.storedValues, 0);
  const before = held();
  const at = overlay.clock.now();
  const revokedUsers = new Map([[aor, at]]);
  await overlay.sendDocumentAs(enroll(), bytes(2, { revokedUsers }), overlay.peers[1]!);
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.sequences(), Array(6).fill(2));
  // Two entries, with the owner and both replicas.
  t.is(held(), before - 2 * 3);
  for (const { node } of overlay.peers) t.deepEqual(await textsOf(node, aor), []);
  await overlay.clock.advance(HOUR_MS / 2);
  t.true(held() <= before - 2 * 3);
  for (const { node } of overlay.peers) t.deepEqual(await textsOf(node, aor), []);
  t.deepEqual((await overlay.lookup(overlay.peers[3]!, 'bob')).toSorted(), ['bob here', 'bob there']);
  await overlay.stopAll();

  function textsOf(node: (typeof overlay.peers)[number]['node'], user: string) {
    return overlay.clock.runUntil(
      node
        .fetch(userResource(user), [{ kind: Kind.SIP_REGISTRATION }])
        .then(([found]) => (found?.values ?? []).map(({ value }) => Buffer.from(value.value).toString())),
    );
  }
});

test('T16: a peer that has not heard of it cannot hand the values back, and drops them when it has', async (t) => {
  const { overlay, enroll, bytes, grow } = enrolledOverlay(162);
  await grow(4, overlay.read(bytes(1)));
  await overlay.register(overlay.peers[0]!, 'alice', 'here');
  await overlay.clock.advance(30_000);
  const aor = `alice@${overlay.document.name}`;
  const owner = overlay.ownerOf(userResource(aor));
  // Cut off from the document, with what it holds; the others go on without it.
  const others = overlay.peers.filter((peer) => peer !== owner);
  const stranger = '10.9.0.1';
  overlay.network.partition([[owner.host], [stranger, ...others.map(({ host }) => host)]]);
  await overlay.clock.advance(120_000);
  const revokedUsers = new Map([[aor, overlay.clock.now()]]);
  await overlay.sendDocumentAs(enroll(), bytes(2, { revokedUsers }), others[0]!);
  await overlay.clock.advance(5_000);
  overlay.network.heal();
  await overlay.clock.advance(2 * HOUR_MS);
  t.deepEqual(overlay.sequences(), [2, 2, 2, 2]);
  t.deepEqual(overlay.faults(), []);
  for (const peer of overlay.peers) t.deepEqual(await overlay.lookup(peer, 'alice'), []);
  await overlay.stopAll();
});

test('T16: values that were on the disk go at the next start with the newer document', async (t) => {
  const { overlay, enroll, bytes, grow } = enrolledOverlay(163);
  await grow(3, overlay.read(bytes(1)));
  for (let i = 0; i < 20; i++) await overlay.register(overlay.peers[i % 3]!, `user${i}`, 'x');
  await overlay.clock.advance(30_000);
  const [asleep] = overlay.peers.slice(2, 3);
  const held = asleep!.node.storedValues;
  overlay.kill(asleep!);
  const names = Array.from({ length: 10 }, (_, i) => `user${i}@${overlay.document.name}`);
  const revokedUsers = new Map(names.map((name) => [name, overlay.clock.now()]));
  await overlay.sendDocumentAs(enroll(), bytes(2, { revokedUsers }), overlay.peers[0]!);
  await overlay.clock.advance(60_000);
  const document = overlay.read(bytes(2, { revokedUsers }));
  const { kv, identity } = asleep!;
  await overlay.start(overlay.makeWith(document, { kv, identity }));
  await overlay.clock.advance(60_000);
  // With three peers each holds everything: ten users' values are left of twenty, and the certificates.
  t.is(overlay.peers[2]!.node.storedValues, held - 10);
  await overlay.stopAll();
});

test('T16: the value of a user who is let in again, with a certificate issued later, is taken', async (t) => {
  const { overlay, enroll, bytes, grow } = enrolledOverlay(164);
  await grow(3, overlay.read(bytes(1)));
  const aor = `alice@${overlay.document.name}`;
  const [peer] = overlay.peers;
  await overlay.register(peer!, 'alice', 'before');
  const since = overlay.clock.now();
  await overlay.sendDocumentAs(enroll(), bytes(2, { revokedUsers: new Map([[aor, since]]) }), peer!);
  await overlay.clock.advance(5_000);
  const later = enroll(undefined, { nodeId: peer!.node.nodeId, userName: aor, notBefore: since + 2_000 });
  await overlay.clock.advance(5_000);
  const value = { key: peer!.node.nodeId, exists: true, value: Buffer.from('again'), lifetimeS: 600 };
  const stored = peer!.node.store(
    userResource(aor),
    [{ kind: Kind.SIP_REGISTRATION, values: [{ ...value, storageTime: overlay.clock.now() }] }],
    { signer: later },
  );
  await overlay.clock.runUntil(stored);
  t.deepEqual(await overlay.lookup(overlay.peers[2]!, 'alice'), ['again']);
  await overlay.stopAll();
});

test('B31: a bad-node loses its links, what it stored is dropped, and what it sends is not taken', async (t) => {
  const { overlay, enroll, bytes, grow } = enrolledOverlay(165);
  await grow(4, overlay.read(bytes(1)));
  const metrics = new CountingMetrics();
  await overlay.start(overlay.makeWith(overlay.read(bytes(1)), { identity: enroll(), metrics }));
  const bad = overlay.peers[2]!;
  await overlay.register(bad, 'mallory', 'at the bad one');
  await overlay.register(overlay.peers[0]!, 'mallory', 'at a good one');
  await overlay.clock.advance(30_000);
  const badNodes = new Set([bad.node.nodeId]);
  await overlay.sendDocumentAs(enroll(), bytes(2, { badNodes }), overlay.peers[0]!);
  await overlay.clock.advance(60_000);
  await overlay.clock.runUntil(bad.node.stop());
  overlay.peers.splice(2, 1);
  await overlay.clock.advance(60_000);
  t.deepEqual(overlay.faults(), []);
  for (const peer of overlay.peers) {
    t.deepEqual(await overlay.lookup(peer, 'mallory'), ['at a good one']);
    t.false(peer.node.ring().links.some(({ nodeId }) => badNodes.has(nodeId)));
  }
  // Its certificate is refused at the link, whatever it asks for.
  const again = overlay.bareNode(overlay.peers[3]!, overlay.read(bytes(1)), { identity: bad.identity });
  const answer = again.then((node) =>
    node.request(ping, { padding: new Uint8Array(0) }, toNode(node.nodeId)),
  );
  t.not(await errorCodeOf(answer).catch(() => 'refused'), undefined);
  await overlay.stopAll();
});
