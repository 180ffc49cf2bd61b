import test from 'ava';
import { attach } from '../../../../src/reload/messages/attach.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { probe } from '../../../../src/reload/messages/probe.ts';
import { toCandidates } from '../../../../src/reload/node/candidates.ts';
import { withSeveralNodeIds } from '../../../support/several-node-ids.ts';
import { BareNode, errorCodeOf } from './bare-node.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

const HOST = '10.9.0.1';
const noPadding = { padding: new Uint8Array(0) };
const uptime = { requestedInfo: [3] };
const attachRequest = {
  ufrag: '',
  password: '',
  role: 'passive',
  candidates: toCandidates([{ host: HOST, port: 6084 }]),
  sendUpdate: false,
};

/** A node that uses the second Node-ID of its certificate, linked with the first of three peers. */
async function scene() {
  const overlay = new SimulatedOverlay(71);
  await overlay.grow(3);
  const single = overlay.newIdentity(overlay.randomOf(HOST));
  const [first, second] = withSeveralNodeIds(single, overlay.document.name);
  const bare = new BareNode(overlay, HOST, { identity: second! });
  await bare.connect();
  await overlay.clock.advance(500);
  const [near, far] = overlay.peers.map(({ node }) => node);
  return { overlay, bare, unused: first!.nodeId, near: near!, far: far! };
}

test('B2: with several Node-IDs in the certificate and no Attach, Ping and Attach are answered, all else is Forbidden', async (t) => {
  const { overlay, bare, near, far } = await scene();
  for (const { nodeId } of [near, far]) {
    const answer = await bare.request(ping, noPadding, toNode(nodeId), { firstHop: near.nodeId });
    t.is(answer.signer.nodeId, nodeId);
    const refused = bare.request(probe, uptime, toNode(nodeId), { firstHop: near.nodeId });
    t.is(await errorCodeOf(refused), ErrorCode.Forbidden);
  }
  await bare.stop();
  await overlay.stopAll();
});

test('B2: an Attach says which of the Node-IDs is used, and from then on everything is taken', async (t) => {
  const { overlay, bare, unused, near, far } = await scene();
  const linksOf = (node: typeof near) => node.ring().links.map(({ nodeId }) => nodeId);
  t.true(linksOf(near).includes(unused), 'filed under the first Node-ID');

  // With the peer at the other end of the link: that link is known from now on.
  await bare.request(attach, attachRequest, toNode(near.nodeId), { firstHop: near.nodeId });
  t.true(linksOf(near).includes(bare.nodeId));
  t.false(linksOf(near).includes(unused));
  const { body } = await bare.request(probe, uptime, toNode(near.nodeId), { firstHop: near.nodeId });
  t.is(body.probeInfo.length, 1);

  // With a peer further away, which then connects to us.
  await bare.request(attach, attachRequest, toNode(far.nodeId), { firstHop: near.nodeId });
  await overlay.clock.advance(1_000);
  t.true(linksOf(far).includes(bare.nodeId));
  await bare.request(probe, uptime, toNode(far.nodeId), { firstHop: far.nodeId });
  await bare.stop();
  await overlay.clock.advance(1_000);
  for (const node of [near, far]) t.false(linksOf(node).includes(bare.nodeId), 'nothing is left behind');
  await overlay.stopAll();
});

test('B2: a peer that Attaches to such a node knows the link by the Node-ID that answered', async (t) => {
  const { overlay, bare, unused, near, far } = await scene();
  bare.connectivity.forwarding.handle(ping, (_, context) => context.respond({ responseId: 1n, time: 0 }));
  const other = new BareNode(overlay, '10.9.0.2');
  await other.connect();
  await overlay.clock.runUntil(
    other.connectivity.attacher.attach([toNode(near.nodeId), toNode(bare.nodeId)]),
    5_000,
  );
  const { connections } = other.connectivity;
  t.true(connections.has(bare.nodeId));
  t.false(connections.has(unused));
  t.false(connections.has(far.nodeId));
  await other.stop();
  await bare.stop();
  await overlay.stopAll();
});
