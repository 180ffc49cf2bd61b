import test from 'ava';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { chordUpdate } from '../../../../src/reload/messages/chord.ts';
import { configUpdate } from '../../../../src/reload/messages/config-update.ts';
import { toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { find } from '../../../../src/reload/messages/find.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { routeQuery } from '../../../../src/reload/messages/route-query.ts';
import { store } from '../../../../src/reload/messages/store.ts';
import { update } from '../../../../src/reload/messages/update.ts';
import { signValue } from '../../../../src/reload/security/value-signature.ts';
import { nodeResource, userResource } from '../../../../src/reload/storage/access-policy.ts';
import { decodeWhole } from '../../../../src/reload/wire/codec.ts';
import { WILDCARD_NODE_ID } from '../../../../src/reload/wire/ids.ts';
import { BareNode, errorCodeOf } from './bare-node.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

async function prepared(size: number, seed = 51) {
  const overlay = new SimulatedOverlay(seed);
  await overlay.grow(size);
  const bare = new BareNode(overlay, '10.9.0.1');
  await bare.connect();
  return { overlay, bare };
}

test('B24: every peer’s certificate is stored at the hashes of its Node-ID and of its user name', async (t) => {
  const { overlay, bare } = await prepared(4);
  await overlay.clock.advance(10_000);
  for (const { node, identity } of overlay.peers) {
    for (const [resource, kind] of [
      [nodeResource(node.nodeId), Kind.CERTIFICATE_BY_NODE],
      [userResource(identity.userName), Kind.CERTIFICATE_BY_USER],
    ] as const) {
      const [found] = await overlay.clock.runUntil(overlay.peers[0]!.node.fetch(resource, [{ kind }]));
      t.is(found!.values.length, 1);
      t.deepEqual(Buffer.from(found!.values[0]!.value.value), Buffer.from(identity.certificate.der));
    }
  }
  await bare.stop();
  await overlay.stopAll();
});

test('B10: send_update is honoured with the full routing table', async (t) => {
  const { overlay, bare } = await prepared(4);
  const { node } = overlay.peers[0]!;
  const updates: string[] = [];
  bare.connectivity.forwarding.handle(update, ({ overlayData }, context) => {
    updates.push(decodeWhole(chordUpdate, overlayData).update.type);
    context.respond({});
  });
  await bare.request(
    routeQuery,
    { sendUpdate: true, destination: toNode(node.nodeId), overlayData: new Uint8Array(0) },
    toNode(node.nodeId),
  );
  await overlay.clock.advance(200);
  t.deepEqual(updates, ['full']);
  await bare.stop();
  await overlay.stopAll();
});

test('B14: Ping is answered at a Node-ID, a resource and the wildcard; ConfigUpdate is Forbidden', async (t) => {
  const { overlay, bare } = await prepared(3);
  const { nodeId } = overlay.peers[0]!.node;
  const padding = new Uint8Array(1_000);
  const resource = overlay.resourceOf('whoever');
  t.is((await bare.request(ping, { padding }, toNode(nodeId))).signer.nodeId, nodeId);
  const owner = overlay.ownerOf(resource).node.nodeId;
  t.is((await bare.request(ping, { padding }, toResource(resource))).signer.nodeId, owner);
  t.is(
    (await bare.request(ping, { padding }, toNode(WILDCARD_NODE_ID), { firstHop: nodeId })).signer.nodeId,
    nodeId,
  );
  const document = { type: 'config', configData: new Uint8Array(10) } as const;
  t.is(await errorCodeOf(bare.request(configUpdate, document, toNode(nodeId))), ErrorCode.Forbidden);
  await bare.stop();
  await overlay.stopAll();
});

test('B21: a Store at a peer that is not responsible, or a replica from a stranger, is refused', async (t) => {
  const { overlay, bare } = await prepared(8);
  const { identity } = bare;
  const resource = userResource(identity.userName);
  const data = {
    storageTime: overlay.clock.now(),
    lifetime: 600,
    value: certificateValue(identity.certificate.der),
  };
  const place = { resource, kind: Kind.CERTIFICATE_BY_USER };
  const kindData = [{ kind: place.kind, generation: 0, values: [signValue(identity.signer, place, data)] }];
  const owner = overlay.ownerOf(resource);
  const wrong = overlay.peers.find((peer) => peer !== owner)!;
  const original = { resource, replicaNumber: 0, kindData };
  t.is(await errorCodeOf(bare.request(store, original, toNode(wrong.node.nodeId))), ErrorCode.Not_Found);
  const replica = { resource, replicaNumber: 1, kindData: [{ ...kindData[0]!, generation: 1 }] };
  const farthest = overlay.peers.find(({ node }) => node.nodeId === owner.node.ring().predecessors[0])!;
  t.is(await errorCodeOf(bare.request(store, replica, toNode(farthest.node.nodeId))), ErrorCode.Forbidden);

  const { body } = await bare.request(store, original, toResource(resource));
  t.deepEqual(
    body.kindResponses[0]!.replicas,
    owner.node.ring().successors.slice(0, 2),
    'B22: the replicas are named',
  );
  await bare.stop();
  await overlay.stopAll();
});

test('B23: Find is answered by the responsible peer only; Stat as a Fetch without the values', async (t) => {
  const { overlay, bare } = await prepared(4);
  await overlay.register(overlay.peers[1]!, 'alice', 'here');
  const resource = overlay.resourceOf('alice');
  const owner = overlay.ownerOf(resource);
  const other = overlay.peers.find((peer) => peer !== owner)!;
  const body = { resource, kinds: [Kind.SIP_REGISTRATION] };
  t.is(await errorCodeOf(bare.request(find, body, toNode(other.node.nodeId))), ErrorCode.Not_Found);
  for (const { node } of overlay.peers) {
    const found = await overlay.clock.runUntil(node.find(resource, [Kind.SIP_REGISTRATION]));
    t.is(found.results[0]!.closest, resource);
    const stats = await overlay.clock.runUntil(node.stat(resource, [{ kind: Kind.SIP_REGISTRATION }]));
    t.is(stats.kindResponses[0]!.values.length, 1);
  }
  await bare.stop();
  await overlay.stopAll();
});

function certificateValue(value: Uint8Array) {
  return { model: 'ARRAY', index: 0, exists: true, value } as const;
}
