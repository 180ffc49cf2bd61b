import test from 'ava';
import { attach } from '../../../../src/reload/messages/attach.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
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
