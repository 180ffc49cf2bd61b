import test from 'ava';
import { chordUpdate } from '../../../../src/reload/messages/chord.ts';
import { toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { decodeHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { join } from '../../../../src/reload/messages/join.ts';
import { leave } from '../../../../src/reload/messages/leave.ts';
import { decodeMessage } from '../../../../src/reload/messages/message.ts';
import { messageName } from '../../../../src/reload/messages/methods.ts';
import { update } from '../../../../src/reload/messages/update.ts';
import { next } from '../../../../src/reload/topology/chord/ring-arithmetic.ts';
import { decodeWhole, encodeWhole } from '../../../../src/reload/wire/codec.ts';
import { BareNode, errorCodeOf } from './bare-node.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

const SEED = 7;

interface Seen {
  readonly direction: 'in' | 'out';
  readonly peer: string;
  readonly name: string;
  readonly message: Uint8Array;
}

test('A15, A16: the joining node and its admitting peer go the nine steps of §10.5 in order', async (t) => {
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(5);
  for (let i = 0; i < 20; i++) await overlay.register(overlay.peers[i % 5]!, `user${i}`, 'x');
  const seen: Seen[] = [];
  const joining = overlay.make({
    trace: (direction, peer, message) => {
      const { headerLength } = decodeHeader(message);
      const code = message[headerLength]! * 256 + message[headerLength + 1]!;
      seen.push({ direction, peer, name: messageName(code), message: Uint8Array.from(message) });
    },
  });
  const bootstrap = overlay.peers[0]!.node.nodeId;
  await overlay.start(joining);
  const self = joining.node.nodeId;
  const admitting = joining.node.ring().successors[0]!;
  await overlay.clock.advance(500);

  const at = (direction: 'in' | 'out', name: string, peer?: string) =>
    seen.findIndex(
      (one) => one.direction === direction && one.name === name && (peer === undefined || one.peer === peer),
    );
  // Steps 1 and 2: the very first message is the Attach to JN+1 over the bootstrap link.
  t.is(at('out', 'attach_req'), 0);
  t.is(seen[0]!.peer, bootstrap);
  t.deepEqual(decodeHeader(seen[0]!.message).destinationList, [toResource(next(self))]);
  // send_update brings the admitting peer's table before anything else is attached to (step 3).
  const table = at('in', 'update_req', admitting);
  const neighbourAttach = seen.findIndex(
    ({ name, direction }, i) => i > 0 && direction === 'out' && name === 'attach_req',
  );
  t.true(table < neighbourAttach);
  // B27: source-routed through the informant.
  t.deepEqual(decodeHeader(seen[neighbourAttach]!.message).destinationList[0], toNode(admitting));
  // Step 5.
  const joinReq = at('out', 'join_req', admitting);
  t.true(neighbourAttach < joinReq);
  t.true(joinReq < at('in', 'join_ans', admitting));
  // Step 6 after the answer, all of them before step 7.
  const stores = seen.flatMap(({ name, direction, peer }, i) =>
    direction === 'in' && name === 'store_req' && peer === admitting ? [i] : [],
  );
  t.true(at('in', 'join_ans', admitting) < (stores[0] ?? Number.POSITIVE_INFINITY));
  const label = seen.findIndex(
    ({ direction, peer, name, message }) =>
      direction === 'in' &&
      peer === admitting &&
      name === 'update_req' &&
      predecessorsIn(message)[0] === self,
  );
  t.true(label > joinReq);
  const heldBefore = stores.filter((i) => i < label).length;
  t.true(heldBefore > 0, 'step 6: the records between the predecessor and the joining node');
  // Step 8: a second Update of the admitting peer to everybody, the joining node included.
  t.true(
    seen.some(
      ({ direction, peer, name }, i) =>
        i > label && direction === 'in' && peer === admitting && name === 'update_req',
    ),
  );
  // Step 9, A17: no Update of its own before it was labelled and its neighbours were attached.
  const firstUpdate = at('out', 'update_req');
  t.true(firstUpdate > label);
  const { predecessors, successors } = joining.node.ring();
  const told = new Set(
    seen
      .filter(({ direction, name }) => direction === 'out' && name === 'update_req')
      .map(({ peer }) => peer),
  );
  for (const neighbor of [...predecessors, ...successors]) t.true(told.has(neighbor));
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();

  function predecessorsIn(message: Uint8Array): readonly string[] {
    const { overlayData } = decodeMessage(message, { kinds: overlay.document.kinds }).body as {
      overlayData: Uint8Array;
    };
    const { update: body } = decodeWhole(chordUpdate, overlayData);
    return body.type === 'peerReady' ? [] : body.predecessors;
  }
});

test('A17, B10: Join and Leave for another Node-ID than that of signer and link are Forbidden', async (t) => {
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(2);
  const [first] = overlay.peers;
  const bare = new BareNode(overlay, '10.9.0.1');
  await bare.connect();
  const other = overlay.peers[1]!.node.nodeId;
  const overlayData = new Uint8Array(0);
  const to = toNode(first!.node.nodeId);
  t.is(await errorCodeOf(bare.request(join, { joiningPeerId: other, overlayData }, to)), ErrorCode.Forbidden);
  t.is(
    await errorCodeOf(bare.request(leave, { leavingPeerId: other, overlayData }, to)),
    ErrorCode.Forbidden,
  );
  t.deepEqual(overlay.faults(), []);
  await bare.stop();
  await overlay.stopAll();
});

test('T18: an Update that does not come over its signer’s own link is Forbidden', async (t) => {
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(3);
  const bare = new BareNode(overlay, '10.9.0.1');
  await bare.connect();
  const overlayData = encodeWhole(chordUpdate, { uptime: 1, update: { type: 'peerReady' } });
  const far = overlay.peers[1]!.node.nodeId;
  t.is(await errorCodeOf(bare.request(update, { overlayData }, toNode(far))), ErrorCode.Forbidden);
  t.deepEqual(overlay.faults(), []);
  await bare.stop();
  await overlay.stopAll();
});

test('a Join to a peer that is not responsible for the Node-ID is Not_Found, and the joiner asks again', async (t) => {
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(4);
  const bare = new BareNode(overlay, '10.9.0.1');
  await bare.connect();
  const owner = overlay.ownerOf(bare.nodeId);
  const wrong = overlay.peers.find((peer) => peer !== owner && peer !== overlay.peers[0])!;
  const body = { joiningPeerId: bare.nodeId, overlayData: new Uint8Array(0) };
  if (owner !== overlay.peers[0]) {
    t.is(
      await errorCodeOf(bare.request(join, body, toNode(overlay.peers[0]!.node.nodeId))),
      ErrorCode.Not_Found,
    );
  }
  // Not over its own link at all.
  t.is(await errorCodeOf(bare.request(join, body, toNode(wrong.node.nodeId))), ErrorCode.Forbidden);
  await bare.stop();
  await overlay.stopAll();
});

test('a joining node that dies while it is admitted does not keep the next one from joining', async (t) => {
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(1);
  for (let i = 0; i < 30; i++) await overlay.register(overlay.peers[0]!, `user${i}`, 'x');
  let handedOver = 0;
  const doomed = overlay.make({
    trace: (direction, _, message) => {
      const { headerLength } = decodeHeader(message);
      const isStatOrStore = [0x19, 0x07].includes(message[headerLength + 1]!);
      if (direction === 'in' && isStatOrStore && ++handedOver === 3) {
        overlay.network.kill(doomed.host);
      }
    },
  });
  doomed.node.start().catch(() => {});
  const took = await overlay.start(overlay.make());
  t.true(handedOver >= 3);
  t.true(took < 10_000, `${took} ms`);
  await overlay.clock.advance(1_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});
