import test from 'ava';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { decodeMessage } from '../../../../src/reload/messages/message.ts';
import { type StoreReq, store } from '../../../../src/reload/messages/store.ts';
import { createSelfSignedIdentity } from '../../../../src/reload/security/identity.ts';
import { nodeMultipleResource, nodeResource } from '../../../../src/reload/storage/access-policy.ts';
import { decodeRecord } from '../../../../src/reload/storage/kind-record.ts';
import { keyOf } from '../../../../src/reload/storage/record-key.ts';
import { SimulatedOverlay, type TraceHook } from './simulated-overlay.ts';

test('B26: a Store is replicated to the successor and its successor, who do not pass it on', async (t) => {
  const overlay = new SimulatedOverlay(61);
  const sent: { from: string; request: StoreReq; destination: unknown }[] = [];
  for (let i = 0; i < 8; i++) {
    const trace: TraceHook = (direction, _peer, message) => {
      if (direction === 'in') return;
      const { header, code, body } = decodeMessage(message, { kinds: overlay.document.kinds });
      if (code !== store.requestCode) return;
      sent.push({ from: host, request: body as StoreReq, destination: header.destinationList.at(-1) });
    };
    const peer = overlay.make({ trace });
    const { host } = peer;
    await overlay.start(peer);
  }
  await overlay.clock.advance(60_000);
  const resource = overlay.resourceOf('alice');
  const owner = overlay.ownerOf(resource);
  const writer = overlay.peers.find((peer) => peer !== owner)!;
  sent.length = 0;
  await overlay.register(writer, 'alice', 'here');
  await overlay.clock.advance(60_000);

  const replicas = sent.filter(({ request }) => request.replicaNumber > 0);
  const [first, second] = owner.node.ring().successors;
  t.deepEqual(
    replicas.map(({ from, request, destination }) => [from, request.replicaNumber, destination]),
    [
      [owner.host, 1, { type: 'node', nodeId: first }],
      [owner.host, 2, { type: 'node', nodeId: second }],
    ],
  );
  t.true(sent.some(({ from, request }) => from === writer.host && request.replicaNumber === 0));
  for (const peer of overlay.peers) {
    const holds = peer.kv.get(keyOf(resource, Kind.SIP_REGISTRATION)) !== undefined;
    t.is(holds, peer === owner || peer.node.nodeId === first || peer.node.nodeId === second);
  }
  await overlay.stopAll();
});

test('B25: a TURN-SERVICE is stored at H(Node-ID ‖ d) for each d, fetched, and found by Find', async (t) => {
  const overlay = new SimulatedOverlay(62);
  await overlay.grow(4);
  const [server, asker] = [overlay.peers[1]!, overlay.peers[2]!];
  const places = [1, 2, 3].map((d) => nodeMultipleResource(server.node.nodeId, d));
  const [first = ''] = places;
  for (const [i, resource] of places.entries()) {
    const value = Buffer.from([i + 1, 1, 6, 192, 0, 2, 7, 0x0d, 0x96]);
    const stored = { exists: true, value, lifetimeS: 600, storageTime: overlay.clock.now() };
    await overlay.clock.runUntil(
      server.node.store(resource, [{ kind: Kind.TURN_SERVICE, values: [stored] }], {
        signer: server.identity,
      }),
    );
    const [found] = await overlay.clock.runUntil(asker.node.fetch(resource, [{ kind: Kind.TURN_SERVICE }]));
    t.deepEqual(Buffer.from(found!.values[0]!.value.value), value);
    t.is(found!.values[0]!.signer.nodeId, server.node.nodeId);
  }
  const { results } = await overlay.clock.runUntil(asker.node.find(first, [Kind.TURN_SERVICE]));
  t.is(results[0]!.closest, first);
  await overlay.stopAll();
});

test('B24: a renewed certificate is stored at the end of the list, beside the old one', async (t) => {
  const overlay = new SimulatedOverlay(63);
  await overlay.grow(3);
  await overlay.clock.advance(10_000);
  const { identity, kv } = overlay.peers[2]!;
  await overlay.stop(overlay.peers[2]!);
  // The same key and Node-ID under a new certificate.
  const renewed = createSelfSignedIdentity(
    { clock: overlay.clock, random: overlay.randomOf('10.8.8.8') },
    { overlay: overlay.document.name, key: identity.privateKey },
  );
  t.is(renewed.nodeId, identity.nodeId);
  t.not(renewed.certificate.fingerprint, identity.certificate.fingerprint);
  await overlay.start(overlay.make({ identity: renewed, kv }));
  await overlay.clock.advance(10_000);
  const resource = nodeResource(identity.nodeId);
  const [found] = await overlay.clock.runUntil(
    overlay.peers[0]!.node.fetch(resource, [{ kind: Kind.CERTIFICATE_BY_NODE }]),
  );
  t.deepEqual(
    found!.values.map(({ value }) => value.model === 'ARRAY' && [value.index, Buffer.from(value.value)]),
    [
      [0, Buffer.from(identity.certificate.der)],
      [1, Buffer.from(renewed.certificate.der)],
    ],
  );
  const bytes = overlay.ownerOf(resource).kv.get(keyOf(resource, Kind.CERTIFICATE_BY_NODE))!;
  t.is(decodeRecord(Kind.CERTIFICATE_BY_NODE, 'ARRAY', bytes).elements.length, 2);
  await overlay.stopAll();
});
