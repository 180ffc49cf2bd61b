import test from 'ava';
import { chordRouteQueryAns, chordUpdate } from '../../../../src/reload/messages/chord.ts';
import { type Destination, toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { probe } from '../../../../src/reload/messages/probe.ts';
import { routeQuery } from '../../../../src/reload/messages/route-query.ts';
import { update } from '../../../../src/reload/messages/update.ts';
import { decodeWhole } from '../../../../src/reload/wire/codec.ts';
import { WILDCARD_NODE_ID } from '../../../../src/reload/wire/ids.ts';
import { BareNode, errorCodeOf } from './bare-node.ts';
import { SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

async function scene(size: number) {
  const overlay = new SimulatedOverlay(91);
  await overlay.grow(size);
  const bare = new BareNode(overlay, '10.9.0.1');
  await bare.connect();
  const end = async () => {
    await bare.stop();
    await overlay.stopAll();
  };
  return { overlay, bare, end };
}

interface Facts {
  signer: string;
  responsiblePpb?: number;
  numResources?: number;
  uptime?: number;
}

/** What a peer says of itself. */
async function probed(bare: BareNode, to: Destination): Promise<Facts> {
  const { body, signer } = await bare.request(probe, { requestedInfo: [1, 2, 3] }, to);
  const facts: Facts = { signer: signer.nodeId };
  for (const info of body.probeInfo) {
    if (info.type === 'responsibleSet') facts.responsiblePpb = info.responsiblePpb;
    if (info.type === 'numResources') facts.numResources = info.numResources;
    if (info.type === 'uptime') facts.uptime = info.uptime;
  }
  return facts;
}

test('B11: Probe tells the share of the overlay, the resources held and the uptime', async (t) => {
  const { overlay, bare, end } = await scene(5);
  await overlay.register(overlay.peers[0]!, 'alice', 'first');
  await overlay.clock.advance(60_000);
  let totalPpb = 0;
  for (const { node } of overlay.peers) {
    totalPpb += (await probed(bare, toNode(node.nodeId))).responsiblePpb ?? 0;
  }
  t.true(Math.abs(totalPpb - 1e9) <= overlay.peers.length, `${totalPpb} ppb of the ring in all`);

  // Asked at a Resource-ID, its owner answers.
  const { node: owner } = overlay.ownerOf(overlay.resourceOf('alice'));
  const before = await probed(bare, toResource(overlay.resourceOf('alice')));
  t.is(before.signer, owner.nodeId);

  // Several values under one Resource-ID count once.
  const values = owner.storedValues;
  await overlay.register(overlay.peers[1]!, 'alice', 'second');
  t.is(owner.storedValues, values + 1);
  const after = await probed(bare, toNode(owner.nodeId));
  t.is(after.numResources, before.numResources);

  await overlay.clock.advance(100_000);
  const later = await probed(bare, toNode(owner.nodeId));
  t.true(Math.abs(later.uptime! - after.uptime! - 100) <= 1, `${after.uptime} s, then ${later.uptime} s`);
  await end();
});

test('B11: Probe answers in the order asked, leaves out what it does not know, and may be asked for nothing', async (t) => {
  const { overlay, bare, end } = await scene(2);
  const to = toNode(overlay.peers[0]!.node.nodeId);
  const types = async (requestedInfo: readonly number[]) =>
    (await bare.request(probe, { requestedInfo }, to)).body.probeInfo.map(({ type }) => type);
  t.deepEqual(await types([3, 99, 1, 2]), ['uptime', 'responsibleSet', 'numResources']);
  t.deepEqual(await types([2, 3]), ['numResources', 'uptime']);
  t.deepEqual(await types([]), []);
  await end();
});

test('B11: RouteQuery names whom the peer would send to next, as its forwarding layer would', async (t) => {
  const { overlay, bare, end } = await scene(12);
  const peer = overlay.peers[0]!;
  const links = new Set(peer.node.ring().links.map(({ nodeId }) => nodeId));
  const strangers = overlay.peers.filter(({ node }) => node !== peer.node && !links.has(node.nodeId));
  const neighbor = peer.node.ring().successors[0]!;

  t.is(await nextPeer(bare, peer, toNode(neighbor)), neighbor, 'a peer that is connected');
  t.is(await nextPeer(bare, peer, toNode(bare.nodeId)), bare.nodeId, 'a client that is connected');
  t.is(await nextPeer(bare, peer, toNode(peer.node.nodeId)), peer.node.nodeId);
  t.is(await nextPeer(bare, peer, toNode(WILDCARD_NODE_ID)), peer.node.nodeId);
  for (const { node } of strangers) {
    const next = await nextPeer(bare, peer, toNode(node.nodeId));
    t.true(
      next !== undefined && links.has(next) && next !== node.nodeId,
      'somebody else is on the way to a stranger',
    );
  }
  await end();
});

test('B11: RouteQuery after RouteQuery leads to the owner of a resource', async (t) => {
  const { overlay, bare, end } = await scene(12);
  const resource = overlay.resourceOf('alice');
  const owner = overlay.ownerOf(resource);
  let at = overlay.peers.find((peer) => peer !== owner)!;
  for (let hops = 0; hops < 6; hops++) {
    const next = await nextPeer(bare, at, toResource(resource));
    if (next === at.node.nodeId) break;
    at = overlay.peers.find(({ node }) => node.nodeId === next) ?? at;
  }
  t.is(at, owner);
  await end();
});

test('B11: RouteQuery does not translate opaque ids', async (t) => {
  const { overlay, bare, end } = await scene(2);
  const peer = overlay.peers[0]!;
  for (const destination of [
    { type: 'compressed', value: 0x8001 },
    { type: 'opaque', bytes: new Uint8Array(4) },
    toResource('ab'),
  ] as const) {
    t.is(await errorCodeOf(nextPeer(bare, peer, destination)), ErrorCode.Not_Found);
  }
  await end();
});

test('B11: with send_update the whole routing table follows at once, for others nothing does', async (t) => {
  const { overlay, bare, end } = await scene(5);
  const { node } = overlay.peers[0]!;
  const got: string[] = [];
  bare.connectivity.forwarding.handle(update, ({ overlayData }, context) => {
    const { update: body } = decodeWhole(chordUpdate, overlayData);
    if (body.type === 'full') got.push(context.signer.nodeId);
    context.respond({});
  });
  await nextPeer(bare, overlay.peers[0]!, toNode(node.nodeId));
  await overlay.clock.advance(500);
  t.deepEqual(got, []);
  await nextPeer(bare, overlay.peers[0]!, toNode(node.nodeId), true);
  await overlay.clock.advance(500);
  t.deepEqual(got, [node.nodeId]);
  // T18: an Update counts only over a link with its sender, so none is sent to who has none.
  const far = overlay.peers.find(
    (peer) => !peer.node.ring().links.some(({ nodeId }) => nodeId === bare.nodeId),
  )!;
  await nextPeer(bare, far, toNode(node.nodeId), true);
  await overlay.clock.advance(500);
  t.deepEqual(got, [node.nodeId]);
  await end();
});

async function nextPeer(
  bare: BareNode,
  { node }: SimulatedPeer,
  destination: Destination,
  sendUpdate = false,
) {
  const request = { sendUpdate, destination, overlayData: new Uint8Array(0) };
  const { body } = await bare.request(routeQuery, request, toNode(node.nodeId));
  return decodeWhole(chordRouteQueryAns, body.overlayData).nextPeer;
}

test('B11: the way to a resource is told hop by hop, and ends at its owner', async (t) => {
  const { overlay, end } = await scene(12);
  await overlay.clock.advance(60_000);
  const lengths: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const resource = overlay.resourceOf(`user${i}`);
    const [{ node }] = overlay.peers as [SimulatedPeer];
    const { hops, broken } = await overlay.clock.runUntil(node.traceRoute(resource));
    t.is(broken, undefined);
    t.is(hops[0]?.nodeId, node.nodeId);
    t.is(hops.at(-1)?.nodeId, overlay.ownerOf(resource).node.nodeId);
    t.true(hops.slice(1).every(({ ms }) => ms > 0));
    t.is(new Set(hops.map(({ nodeId }) => nodeId)).size, hops.length);
    lengths.push(hops.length - 1);
  }
  t.true(Math.max(...lengths) >= 1);
  await end();
});
