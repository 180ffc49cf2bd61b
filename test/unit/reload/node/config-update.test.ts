import test from 'ava';
import { trustOfDocument } from '../../../../src/reload/document/document-trust.ts';
import { writeKindBlock } from '../../../../src/reload/document/document-writer.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { ANY_SEQUENCE } from '../../../../src/reload/forwarding/configuration-sequence.ts';
import { configUpdate } from '../../../../src/reload/messages/config-update.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { decodeHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { errorCodeOf } from './bare-node.ts';
import { DocumentedOverlay, PRIVATE_KIND } from './documented-overlay.ts';
import type { SimulatedPeer } from './simulated-overlay.ts';

const padding = { padding: new Uint8Array(0) };
const KEYS = ['configuration/document', 'configuration/kinds'];

function saved({ kv }: SimulatedPeer): boolean {
  return KEYS.some((key) => kv.get(key) !== undefined);
}

function withKind(overlay: DocumentedOverlay): Partial<OverlayDocument> {
  return { kinds: new Map([...overlay.document.kinds, [PRIVATE_KIND.id, PRIVATE_KIND]]) };
}

/** Stores one value of the private Kind, and says how that ended. */
async function storePrivate(overlay: DocumentedOverlay, { node, identity }: SimulatedPeer, user: string) {
  const aor = `${user}@${overlay.document.name}`;
  const value = { exists: true, value: Buffer.from(user), lifetimeS: 600, storageTime: overlay.clock.now() };
  const stored = node.store(userResource(aor), [{ kind: PRIVATE_KIND.id, values: [value] }], {
    signer: identity.registration(aor),
  });
  await overlay.clock.runUntil(stored);
}

async function fetchPrivate(overlay: DocumentedOverlay, { node }: SimulatedPeer, user: string) {
  const resource = overlay.resourceOf(user);
  const [found] = await overlay.clock.runUntil(node.fetch(resource, [{ kind: PRIVATE_KIND.id }]));
  return found?.values.map(({ value }) => Buffer.from(value.value).toString());
}

test('B14: what is older, forged, foreign or broken is answered with its error and counted, nothing is written', async (t) => {
  const overlay = new DocumentedOverlay(81);
  const metrics = new CountingMetrics();
  const document = overlay.read(overlay.bytes(5));
  const peer = overlay.makeWith(document, { metrics });
  await overlay.start(peer);
  const stranger = overlay.newIdentity(overlay.randomOf('10.7.0.9'));
  const good = Buffer.from(overlay.bytes(6));
  const changed = Buffer.from(good);
  changed[good.indexOf('<turn-density>1') + 14]! ^= 2;
  const cases: readonly [what: string, bytes: Uint8Array, error: number, count: string][] = [
    ['older', overlay.bytes(4), ErrorCode.Config_Too_Old, 'document-old'],
    ['the same', overlay.bytes(5), ErrorCode.Config_Too_Old, 'document-old'],
    ['half the circle ahead', overlay.bytes(5 + 32_768), ErrorCode.Config_Too_Old, 'document-old'],
    ['signed by a stranger', overlay.bytes(6, {}, stranger), ErrorCode.Forbidden, 'document-forged'],
    ['one byte changed', changed, ErrorCode.Forbidden, 'document-forged'],
    [
      'of another overlay',
      overlay.bytes(6, { name: 'other.example' }),
      ErrorCode.Incompatible_with_Overlay,
      'document-foreign',
    ],
    ['expired', overlay.bytes(6, { expiresAt: 1000 }), ErrorCode.Config_Too_Old, 'document-expired'],
    // Nobody signed it, so nobody looks whether it follows the grammar.
    ['ungrammatical', Buffer.from('<overlay><zzz/></overlay>'), ErrorCode.Forbidden, 'document-unsigned'],
    ['no XML', Buffer.from('hello'), ErrorCode.Invalid_Message, 'document-malformed'],
    ['cut off', good.subarray(0, 500), ErrorCode.Invalid_Message, 'document-malformed'],
  ];
  for (const [what, bytes, error, count] of cases) {
    const counted = { result: count };
    const before = metrics.value('reload_config_updates_total', counted);
    t.is(await errorCodeOf(overlay.sendDocument(bytes, peer)), error, what);
    t.is(metrics.value('reload_config_updates_total', counted), before + 1, what);
    t.is(peer.node.document.sequence, 5, what);
    t.false(saved(peer), what);
  }
  t.is(await errorCodeOf(overlay.sendDocument(good, peer)), undefined);
  t.is(peer.node.document.sequence, 6);
  t.true(saved(peer));
  t.is(metrics.value('reload_configuration_sequence'), 6);
  await overlay.stopAll();
});

test('B14: an overlay without a configuration-signer refuses every ConfigUpdate', async (t) => {
  const overlay = new DocumentedOverlay(82);
  await overlay.growWith(1, overlay.document);
  const [peer] = overlay.peers;
  t.is(await errorCodeOf(overlay.sendDocument(overlay.bytes(1), peer!)), ErrorCode.Forbidden);
  const kinds = [writeKindBlock(PRIVATE_KIND, overlay.administrator.signer)];
  t.is(await errorCodeOf(overlay.send({ type: 'kind', kinds }, peer!)), ErrorCode.Forbidden);
  t.is(
    await errorCodeOf(overlay.send({ type: 'unknown', tag: 9, bytes: new Uint8Array(3) }, peer!)),
    ErrorCode.Invalid_Message,
  );
  await overlay.stopAll();
});

test('B6: a request with an older sequence gets Config_Too_Old, and a ConfigUpdate with 65535 comes', async (t) => {
  const overlay = new DocumentedOverlay(83);
  const current = overlay.bytes(9);
  await overlay.growWith(2, overlay.read(current));
  const [peer] = overlay.peers;
  const node = await overlay.bareNode(peer!, overlay.read(overlay.bytes(8)));
  const came: { sequence: number; bytes: Uint8Array }[] = [];
  const { forwarding } = node.connectivity;
  const receive = forwarding.receive.bind(forwarding);
  forwarding.receive = (bytes, hop) => {
    const { configurationSequence: sequence, headerLength } = decodeHeader(bytes);
    if (bytes[headerLength + 1] === configUpdate.requestCode) came.push({ sequence, bytes: bytes.slice() });
    receive(bytes, hop);
  };
  forwarding.handle(configUpdate, (_, context) => context.respond({}));
  const ask = () => errorCodeOf(node.request(ping, padding, toNode(peer!.node.nodeId)));
  t.is(await ask(), ErrorCode.Config_Too_Old);
  await overlay.clock.advance(100);
  t.deepEqual(
    came.map(({ sequence }) => sequence),
    [ANY_SEQUENCE],
  );
  t.true(Buffer.from(came[0]!.bytes).includes(Buffer.from(current)));

  // However often it asks: the document is not sent again for a while.
  for (let i = 0; i < 20; i++) t.is(await ask(), ErrorCode.Config_Too_Old);
  await overlay.clock.advance(100);
  t.is(came.length, 1);
  await overlay.clock.advance(11_000);
  await ask();
  await overlay.clock.advance(100);
  t.is(came.length, 2);
  await node.stop();
  await overlay.stopAll();
});

test('B6: a request with a newer sequence gets Config_Too_New, and 65535 is for ConfigUpdates only', async (t) => {
  const overlay = new DocumentedOverlay(84);
  await overlay.growWith(1, overlay.read(overlay.bytes(9)));
  const [peer] = overlay.peers;
  const node = await overlay.bareNode(peer!, overlay.read(overlay.bytes(10)));
  const to = toNode(peer!.node.nodeId);
  t.is(await errorCodeOf(node.request(ping, padding, to)), ErrorCode.Config_Too_New);
  // No document has this number, so it is neither older nor newer.
  const error = await errorCodeOf(node.request(ping, padding, to, { configurationSequence: ANY_SEQUENCE }));
  t.true(error === ErrorCode.Config_Too_New || error === ErrorCode.Config_Too_Old);
  await node.stop();
  await overlay.stopAll();
});

test('B14: one node that floods with ConfigUpdates is soon not looked at any more', async (t) => {
  const overlay = new DocumentedOverlay(85);
  const metrics = new CountingMetrics();
  const peer = overlay.makeWith(overlay.read(overlay.bytes(1)), { metrics });
  await overlay.start(peer);
  const node = await overlay.bareNode(peer);
  const old = { type: 'config', configData: overlay.bytes(0) } as const;
  for (let i = 0; i < 30; i++) {
    await errorCodeOf(
      node.request(configUpdate, old, toNode(peer.node.nodeId), { configurationSequence: ANY_SEQUENCE }),
    );
  }
  t.true(metrics.value('reload_config_updates_total', { result: 'document-old' }) <= 12);
  t.true(metrics.value('reload_config_updates_total', { result: 'rate-limited' }) >= 18);
  await node.stop();
  t.is(await errorCodeOf(overlay.sendDocument(overlay.bytes(2), peer)), undefined, 'another node is heard');
  await overlay.stopAll();
});

test('B6: a peer that was away for several documents joins with its old one and is brought up to date', async (t) => {
  const overlay = new DocumentedOverlay(86);
  await overlay.growWith(3, overlay.read(overlay.bytes(12)));
  const late = overlay.makeWith(overlay.read(overlay.bytes(3)));
  const client = overlay.makeWith(overlay.read(overlay.bytes(3)), { role: 'client' });
  t.true((await overlay.start(late)) < 5_000);
  await overlay.start(client);
  await overlay.register(client, 'alice', 'x');
  t.deepEqual(overlay.sequences(), Array(5).fill(12));
  t.deepEqual(await overlay.lookup(late, 'alice'), ['x']);
  await overlay.stopAll();
});

test('B6: a peer ahead of the overlay brings its document along', async (t) => {
  const overlay = new DocumentedOverlay(87);
  await overlay.growWith(3, overlay.read(overlay.bytes(3)));
  t.true((await overlay.start(overlay.makeWith(overlay.read(overlay.bytes(4))))) < 5_000);
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.sequences(), Array(4).fill(4));
  await overlay.stopAll();
});

test('B31: a peer that restarts keeps the newest verified document, whatever its file says', async (t) => {
  const overlay = new DocumentedOverlay(88);
  const first = overlay.read(overlay.bytes(1));
  await overlay.growWith(2, first);
  const [, peer] = overlay.peers;
  await overlay.sendDocument(overlay.bytes(2), peer!);
  await overlay.stop(peer!);
  const { kv, identity } = peer!;
  t.is(overlay.makeWith(first, { kv, identity }).node.document.sequence, 2);
  t.is(overlay.makeWith(overlay.read(overlay.bytes(3)), { kv, identity }).node.document.sequence, 3);
  // A document for another overlay, or none at all: what was saved does not count.
  t.is(overlay.makeWith(overlay.document, { kv, identity }).node.document.sequence, 0);
  await kv.write([{ key: KEYS[0]!, value: Buffer.from('damaged') }]);
  t.is(overlay.makeWith(first, { kv, identity }).node.document.sequence, 1);
  await overlay.stopAll();
});

test('B31: links with a node that becomes a bad-node close, it does not come back, its values do not count', async (t) => {
  const overlay = new DocumentedOverlay(89);
  await overlay.growWith(4, overlay.read(overlay.bytes(1)));
  const [first, bad] = overlay.peers;
  await overlay.register(bad!, 'mallory', 'bad');
  await overlay.register(first!, 'alice', 'good');
  t.deepEqual(await overlay.lookup(first!, 'mallory'), ['bad']);

  await overlay.sendDocument(overlay.bytes(2, { badNodes: new Set([bad!.node.nodeId]) }), first!);
  await overlay.clock.advance(40_000);
  overlay.peers.splice(1, 1);
  t.deepEqual(overlay.sequences(), [2, 2, 2]);
  for (const { node } of overlay.peers) {
    t.false(node.ring().links.some(({ nodeId }) => nodeId === bad!.node.nodeId));
  }
  t.deepEqual(overlay.faults(), []);
  t.deepEqual(await overlay.lookup(first!, 'mallory'), []);
  t.deepEqual(await overlay.lookup(overlay.peers[2]!, 'alice'), ['good']);
  await overlay.clock.runUntil(bad!.node.stop());
  await overlay.stopAll();
});

test('B31: connections of applications with a bad-node close as well', async (t) => {
  const overlay = new DocumentedOverlay(97);
  await overlay.growWith(3, overlay.read(overlay.bytes(1)));
  const [first, bad, good] = overlay.peers.map(({ node }) => node);
  const closed: string[] = [];
  for (const [name, node] of Object.entries({ bad: bad!, good: good! })) {
    first!.onApplication(5060, (connection, nodeId) => {
      const from = nodeId === bad!.nodeId ? 'bad' : 'good';
      connection.setHandler({ onData() {}, onClose: () => closed.push(`from ${from}`) });
    });
    node.onApplication(5060, (connection) => connection.setHandler({ onData() {}, onClose() {} }));
    const opened = await overlay.clock.runUntil(first!.openApplication([toNode(node.nodeId)], 5060));
    opened.connection.setHandler({ onData() {}, onClose: () => closed.push(`to ${name}`) });
    const taken = await overlay.clock.runUntil(node.openApplication([toNode(first!.nodeId)], 5060));
    taken.connection.setHandler({ onData() {}, onClose() {} });
  }
  await overlay.sendDocument(overlay.bytes(2, { badNodes: new Set([bad!.nodeId]) }), overlay.peers[0]!);
  await overlay.clock.advance(1_000);
  t.deepEqual(closed.sort(), ['from bad', 'to bad']);
  await overlay.stopAll();
});

test('B31: a node that the new document refuses, or whose demands it cannot meet, leaves and says why', async (t) => {
  const overlay = new DocumentedOverlay(90);
  await overlay.growWith(2, overlay.read(overlay.bytes(1)));
  const [peer, other] = overlay.peers;
  await overlay.sendDocument(overlay.bytes(2, { badNodes: new Set([peer!.node.nodeId]) }), peer!);
  t.regex((await peer!.node.failed).message, /refuses the certificate of this node/);

  await overlay.sendDocument(overlay.bytes(3, { mandatoryExtensions: ['urn:x'] }), other!);
  t.regex((await other!.node.failed).message, /mandatory-extension "urn:x"/);
  // They stay out: a restart does not forget.
  const banned = () =>
    overlay.makeWith(overlay.read(overlay.bytes(1)), { kv: peer!.kv, identity: peer!.identity });
  t.throws(banned, { code: 'not-welcome', message: /bad-node/ });
  const { kv, identity } = other!;
  const restarted = () => overlay.makeWith(overlay.read(overlay.bytes(1)), { kv, identity });
  t.throws(restarted, { code: 'document-unsupported', message: /urn:x/ });
  await overlay.stopAll();
});

test('B31: an allow list of our own that does not name ourselves is no reason to leave', async (t) => {
  const overlay = new DocumentedOverlay(98);
  const node = overlay.newIdentity(overlay.randomOf('10.7.0.5'));
  const nodeIds = new Set([node.nodeId]);
  const trust = (document: OverlayDocument) => trustOfDocument(overlay, document, { kind: 'allow', nodeIds });
  const peer = overlay.makeWith(overlay.read(overlay.bytes(1)), { trust });
  await overlay.start(peer);
  let failure: Error | undefined;
  void peer.node.failed.then((error) => {
    failure = error;
  });
  await overlay.sendDocumentAs(node, overlay.bytes(2), peer);
  await overlay.clock.advance(1_000);
  t.is(peer.node.document.sequence, 2);
  t.is(failure, undefined);
  await overlay.stopAll();
});

test('B31: where a document permits no clients a node does not become one', (t) => {
  const overlay = new DocumentedOverlay(99);
  const document = overlay.read(overlay.bytes(1, { clientsPermitted: false }));
  t.throws(() => overlay.makeWith(document, { role: 'client' }), {
    code: 'not-welcome',
    message: /no clients/,
  });
  t.notThrows(() => overlay.makeWith(document));
});

test('B22 B14: Unknown_Kind is answered with the kind-block, and the Store is repeated', async (t) => {
  const overlay = new DocumentedOverlay(91);
  await overlay.growWith(4, overlay.read(overlay.bytes(1)));
  const [peer] = overlay.peers;
  await t.throwsAsync(storePrivate(overlay, peer!, 'alice'), {
    code: 'reload-error',
    message: /Unknown_Kind/,
  });
  // One peer learns the Kind; whom it stores at learns it from it.
  const kinds = [writeKindBlock(PRIVATE_KIND, overlay.administrator.signer)];
  await overlay.send({ type: 'kind', kinds }, peer!);
  t.deepEqual(peer!.node.document.kinds.get(PRIVATE_KIND.id), PRIVATE_KIND);
  for (let i = 0; i < 12; i++) await storePrivate(overlay, peer!, `user${i}`);
  await overlay.clock.advance(2_000);
  for (let i = 0; i < 12; i++) t.deepEqual(await fetchPrivate(overlay, peer!, `user${i}`), [`user${i}`]);
  t.deepEqual(overlay.sequences(), Array(4).fill(1));
  for (const { node } of overlay.peers) t.true(node.document.kinds.has(PRIVATE_KIND.id));

  // Kept over a restart.
  const { kv, identity } = peer!;
  await overlay.stop(peer!);
  const again = overlay.makeWith(overlay.read(overlay.bytes(1)), { kv, identity });
  t.true(again.node.document.kinds.has(PRIVATE_KIND.id));
  await overlay.stopAll();
});

test('B14: a kind-block that no kind-signer signed, or of a Kind that another signer has defined, is Forbidden', async (t) => {
  const overlay = new DocumentedOverlay(92);
  const other = overlay.newIdentity(overlay.randomOf('10.7.0.3'));
  const signers = new Set([overlay.administrator.nodeId, other.nodeId]);
  await overlay.growWith(1, overlay.read(overlay.bytes(1, { kindSigners: signers })));
  const [peer] = overlay.peers;
  const send = (kind: typeof PRIVATE_KIND, signer: typeof other | undefined) =>
    errorCodeOf(overlay.send({ type: 'kind', kinds: [writeKindBlock(kind, signer?.signer)] }, peer!));
  const stranger = overlay.newIdentity(overlay.randomOf('10.7.0.4'));
  t.is(await send(PRIVATE_KIND, stranger), ErrorCode.Forbidden);
  t.is(await send(PRIVATE_KIND, undefined), ErrorCode.Forbidden);
  t.false(peer!.node.document.kinds.has(PRIVATE_KIND.id));
  t.is(await send(PRIVATE_KIND, overlay.administrator), undefined);
  t.is(await send({ ...PRIVATE_KIND, maxSize: 9 }, other), ErrorCode.Forbidden);
  t.is(peer!.node.document.kinds.get(PRIVATE_KIND.id)?.maxSize, 100);
  t.is(await send({ ...PRIVATE_KIND, maxSize: 200 }, overlay.administrator), undefined);
  t.is(peer!.node.document.kinds.get(PRIVATE_KIND.id)?.maxSize, 200);
  await overlay.stopAll();
});

test('A34: a private Kind that the document declares stores and fetches, within the limits it sets', async (t) => {
  const overlay = new DocumentedOverlay(93);
  await overlay.growWith(4, overlay.read(overlay.bytes(1, withKind(overlay))));
  for (const [i, peer] of overlay.peers.entries()) await storePrivate(overlay, peer, `user${i}`);
  for (const [i] of overlay.peers.entries()) {
    t.deepEqual(await fetchPrivate(overlay, overlay.peers[(i + 1) % 4]!, `user${i}`), [`user${i}`]);
  }
  await t.throwsAsync(storePrivate(overlay, overlay.peers[0]!, 'x'.repeat(101)), {
    message: /Data_Too_Large/,
  });
  await overlay.stopAll();
});

test('B31: a new document adds a Kind and changes its limits; what it gives up is discarded with its data', async (t) => {
  const overlay = new DocumentedOverlay(94);
  await overlay.growWith(3, overlay.read(overlay.bytes(1)));
  const [peer] = overlay.peers;
  const roll = async (sequence: number, changes: Partial<OverlayDocument>) => {
    await overlay.sendDocument(overlay.bytes(sequence, changes), peer!);
    await overlay.clock.advance(5_000);
    t.deepEqual(overlay.sequences(), Array(3).fill(sequence));
  };
  await roll(2, withKind(overlay));
  for (let i = 0; i < 6; i++) await storePrivate(overlay, peer!, `user${i}`);
  await overlay.register(peer!, 'alice', 'x');
  const values = overlay.peers.map(({ node }) => node.storedValues);

  const smaller = new Map([...overlay.document.kinds, [PRIVATE_KIND.id, { ...PRIVATE_KIND, maxSize: 3 }]]);
  await roll(3, { kinds: smaller });
  await t.throwsAsync(storePrivate(overlay, peer!, 'user9'), { message: /Data_Too_Large/ });
  t.deepEqual(await fetchPrivate(overlay, peer!, 'user0'), ['user0']);

  await roll(4, {});
  await t.throwsAsync(storePrivate(overlay, peer!, 'bob'), { message: /Unknown_Kind/ });
  for (const [i, { node }] of overlay.peers.entries()) t.true(node.storedValues < values[i]!);
  t.deepEqual(await overlay.lookup(peer!, 'alice'), ['x']);
  await overlay.stopAll();
});

test('B31: a larger max-message-size and other intervals hold at once, on links that stand already', async (t) => {
  const overlay = new DocumentedOverlay(95);
  await overlay.growWith(2, overlay.read(overlay.bytes(1, { maxMessageSize: 20_000 })));
  const [peer, other] = overlay.peers;
  await overlay.sendDocument(overlay.bytes(2, { maxMessageSize: 60_000 }), peer!);
  await overlay.clock.advance(5_000);
  const links = () => overlay.peers.map(({ node }) => node.ring().links.length);
  const before = links();
  const large = { padding: Buffer.alloc(40_000) };
  const node = await overlay.bareNode(peer!);
  await t.notThrowsAsync(node.request(ping, large, toNode(other!.node.nodeId)));
  await overlay.clock.runUntil(node.stop());
  await overlay.clock.advance(100);
  t.deepEqual(links(), before);
  await overlay.stopAll();
});

test('B31: an unknown topology-plugin, and another node-id-length than 16, do not even start', (t) => {
  const overlay = new DocumentedOverlay(96);
  const start = (changes: Partial<OverlayDocument>) => () =>
    overlay.makeWith(overlay.read(overlay.bytes(1, changes)));
  t.throws(start({ topologyPlugin: 'PASTRY' }), { code: 'document-unsupported', message: /"PASTRY"/ });
  const ids = { configurationSigners: new Set<string>(), kindSigners: new Set<string>() };
  t.throws(start({ nodeIdLength: 20, ...ids }), {
    code: 'document-unsupported',
    message: /node-id-length is 20/,
  });
});
