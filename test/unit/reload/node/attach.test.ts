import test from 'ava';
import { attach } from '../../../../src/reload/messages/attach.ts';
import { toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { OverlayLinkType } from '../../../../src/reload/messages/ice-candidate.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { toCandidates } from '../../../../src/reload/node/candidates.ts';
import { BareNode, errorCodeOf } from './bare-node.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

const request = (host: string, port = 6084) => ({
  ufrag: '',
  password: '',
  role: 'passive',
  candidates: toCandidates([{ host, port }]),
  sendUpdate: true,
});

async function overlayWithBareNode(size: number) {
  const overlay = new SimulatedOverlay(11);
  await overlay.grow(size);
  const bare = new BareNode(overlay, '10.9.0.1');
  await bare.connect();
  return { overlay, bare };
}

test('B13: whoever answers an Attach connects to the requester, which is the TLS server', async (t) => {
  const { overlay, bare } = await overlayWithBareNode(3);
  const far = overlay.peers[2]!.node;
  t.false(bare.connectivity.connections.has(far.nodeId));
  const { body, signer } = await bare.request(attach, request(bare.host), toNode(far.nodeId));
  t.is(body.role, 'active');
  t.is(signer.nodeId, far.nodeId);
  t.is(body.sendUpdate, false);
  await overlay.clock.advance(1_000);
  t.true(bare.connectivity.connections.has(far.nodeId));
  t.true(far.ring().links.some(({ nodeId, address }) => nodeId === bare.nodeId && address.port === 6084));
  t.false(
    [...far.ring().successors, ...far.ring().predecessors].includes(bare.nodeId),
    'B12: an Attach alone does not enter anybody into a routing table',
  );
  await bare.stop();
  await overlay.stopAll();
});

test('B13: the connection is closed when the certificate there is not the requester’s', async (t) => {
  const { overlay, bare } = await overlayWithBareNode(3);
  const [, second, third] = overlay.peers;
  // The candidate leads to another peer.
  await bare.request(attach, request(second!.host), toNode(third!.node.nodeId));
  await overlay.clock.advance(15_000);
  t.false(third!.node.ring().links.some(({ nodeId }) => nodeId === bare.nodeId));
  t.deepEqual(overlay.faults(), []);
  await bare.stop();
  await overlay.stopAll();
});

test('candidates on loopback or in no usable form are refused by a peer that is not there itself', async (t) => {
  const { overlay, bare } = await overlayWithBareNode(2);
  const to = toNode(overlay.peers[1]!.node.nodeId);
  for (const host of [
    '127.0.0.1',
    '::1',
    '169.254.1.1',
    'fe80::1',
    '0.0.0.0',
    '239.1.2.3',
    '255.255.255.255',
  ]) {
    t.is(await errorCodeOf(bare.request(attach, request(host), to)), ErrorCode.Not_Found, host);
  }
  t.is(
    await errorCodeOf(bare.request(attach, { ...request(bare.host), candidates: [] }, to)),
    ErrorCode.Not_Found,
  );
  await bare.stop();
  await overlay.stopAll();
});

test('B12: of two Attaches that cross, the smaller Node-ID yields and the larger answers In_Progress', async (t) => {
  const overlay = new SimulatedOverlay(12);
  await overlay.grow(3);
  const bare = new BareNode(overlay, '10.9.0.1');
  const other = new BareNode(overlay, '10.9.0.2');
  await bare.connect();
  await other.connect();
  const [small, large] = bare.nodeId < other.nodeId ? [bare, other] : [other, bare];
  const bootstrap = toNode(overlay.peers[0]!.node.nodeId);
  const attempts = Promise.all([
    small.connectivity.attacher.attach([bootstrap, toNode(large.nodeId)]),
    large.connectivity.attacher.attach([bootstrap, toNode(small.nodeId)]),
  ]);
  await overlay.clock.runUntil(attempts, 5_000);
  await overlay.clock.advance(1_000);
  // One connection, opened by the smaller one: the larger one's request was the one that counted.
  const opened = small.connectivity.connections.views().filter(({ nodeId }) => nodeId === large.nodeId);
  t.is(opened.length, 1);
  t.is(opened[0]!.address.port, 6084);
  await small.stop();
  await large.stop();
  await overlay.stopAll();
});

test('B12: candidates with and without ICE in one Attach are refused; ours never mix them', async (t) => {
  const { overlay, bare } = await overlayWithBareNode(2);
  const to = toNode(overlay.peers[1]!.node.nodeId);
  const [noIce] = toCandidates([{ host: bare.host, port: 6084 }]);
  const ice = { ...noIce!, overlayLink: OverlayLinkType.dtlsUdpSr };
  const mixed = { ...request(bare.host), candidates: [noIce!, ice] };
  t.is(await errorCodeOf(bare.request(attach, mixed, to)), ErrorCode.Invalid_Message);
  // NOTE: no ICE here yet: an offer of ICE alone has nothing we can use.
  t.is(await errorCodeOf(bare.request(attach, { ...mixed, candidates: [ice] }, to)), ErrorCode.Not_Found);
  const { body } = await bare.request(attach, request(bare.host), to);
  t.deepEqual(
    new Set(body.candidates.map(({ overlayLink }) => overlayLink)),
    new Set([OverlayLinkType.tlsTcpFhNoIce]),
  );
  await bare.stop();
  await overlay.stopAll();
});

test('B12: while an Attach of ours is in progress, another one from there is answered In_Progress', async (t) => {
  const { overlay, bare } = await overlayWithBareNode(2);
  const { nodeId } = overlay.peers[0]!.node;
  const responder = new BareNode(overlay, '10.9.0.3');
  await responder.connect();
  // It answers our Attach and never connects: ours stays in progress.
  responder.connectivity.forwarding.handle(attach, (_, context) =>
    context.respond({ ...request(responder.host), role: 'active', sendUpdate: false }),
  );
  const ours = bare.connectivity.attacher.attach([toNode(nodeId), toNode(responder.nodeId)]);
  await overlay.clock.advance(500);
  const theirs = responder.request(attach, request(responder.host), toNode(bare.nodeId), {
    destinationList: [toNode(nodeId), toNode(bare.nodeId)],
  });
  t.is(await errorCodeOf(theirs), ErrorCode.In_Progress);
  await t.throwsAsync(overlay.clock.runUntil(ours), { code: 'timeout' });
  await responder.stop();
  await bare.stop();
  await overlay.stopAll();
});

test('B12: a node that only Attached is reached directly, and nothing is routed through it', async (t) => {
  const { overlay, bare } = await overlayWithBareNode(6);
  const { node } = overlay.peers[3]!;
  await bare.request(attach, request(bare.host), toNode(node.nodeId));
  await overlay.clock.advance(1_000);
  let seen = 0;
  bare.connectivity.forwarding.handle(ping, (_, context) => {
    seen++;
    context.respond({ responseId: 1n, time: 0 });
  });
  await overlay.clock.runUntil(node.ping(bare.nodeId));
  t.is(seen, 1);
  // Resources nearest to it are the ring's as before.
  const near = (BigInt(`0x${bare.nodeId}`) - 1n).toString(16).padStart(32, '0');
  for (const peer of overlay.peers) {
    const answer = await bare.request(ping, { padding: new Uint8Array(0) }, toResource(near), {
      firstHop: node.nodeId,
    });
    t.not(answer.signer.nodeId, bare.nodeId);
    await overlay.clock.runUntil(node.ping(peer.node.nodeId));
  }
  t.is(seen, 1);
  await bare.stop();
  await overlay.stopAll();
});
