import test, { type ExecutionContext } from 'ava';
import type { Connection } from '../../../../src/base/network.ts';
import { appAttach } from '../../../../src/reload/messages/app-attach.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { toCandidates } from '../../../../src/reload/node/candidates.ts';
import { BareNode, errorCodeOf } from './bare-node.ts';
import { SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

const SIP = 5060;

interface Arrived {
  readonly connection: Connection;
  readonly nodeId: string;
}

async function pairOfPeers(t: ExecutionContext) {
  const overlay = new SimulatedOverlay(21);
  await overlay.grow(4);
  const [caller, callee] = [overlay.peers[1]!, overlay.peers[3]!];
  const arrived: Arrived[] = [];
  callee.node.onApplication(SIP, (connection, nodeId) => arrived.push({ connection, nodeId }));
  t.teardown(() => overlay.stopAll());
  return { overlay, caller, callee, arrived };
}

const open = ({ node }: SimulatedPeer, { node: to }: SimulatedPeer, application = SIP) =>
  node.openApplication([toNode(to.nodeId)], application);

test('A30, B14, S6: AppAttach gives both sides one authenticated connection that is no RELOAD link', async (t) => {
  const { overlay, caller, callee, arrived } = await pairOfPeers(t);
  const { connection, nodeId } = await overlay.clock.runUntil(open(caller, callee), 4_000);
  t.is(nodeId, callee.node.nodeId);
  t.is(arrived.length, 1);
  t.is(arrived[0]!.nodeId, caller.node.nodeId);
  // The requester is the TLS server: its port is where the connection came to.
  t.is(arrived[0]!.connection.remote.port, connection.local.port);
  t.false(caller.node.listening.some(({ port }) => port === connection.local.port));
  const received: string[] = [];
  connection.setHandler({ onData: (chunk) => received.push(chunk.toString()), onClose() {} });
  arrived[0]!.connection.setHandler({ onData() {}, onClose() {} });
  arrived[0]!.connection.send(Buffer.from('OPTIONS'));
  await overlay.clock.advance(100);
  t.deepEqual(received, ['OPTIONS']);
});

test('B14: an application that nobody serves is Not_Found', async (t) => {
  const { overlay, caller, callee } = await pairOfPeers(t);
  const error = await t.throwsAsync(overlay.clock.runUntil(open(caller, callee, 4711)));
  t.like(error, { code: 'reload-error', errorCode: ErrorCode.Not_Found });
});

test('a second pending AppAttach for the same node and application is refused', async (t) => {
  const { overlay, caller, callee } = await pairOfPeers(t);
  const first = open(caller, callee);
  await t.throwsAsync(open(caller, callee), { code: 'app-attach-pending' });
  await overlay.clock.runUntil(first);
  await t.notThrowsAsync(overlay.clock.runUntil(open(caller, callee)), 'the first one is over');
});

test('nobody gets in at the SIP link port without an AppAttach of ours', async (t) => {
  const { overlay, caller, callee } = await pairOfPeers(t);
  const { connection } = await overlay.clock.runUntil(open(caller, callee));
  const intruder = overlay.peers[2]!;
  const network = overlay.network.host(intruder.host);
  const attempt = network.connect(connection.local, {
    tls: { identity: intruder.identity.tls, verifyPeer: () => {} },
  });
  const intruding = await overlay.clock.runUntil(attempt);
  let closed = false;
  intruding.setHandler({
    onData() {},
    onClose: () => {
      closed = true;
    },
  });
  await overlay.clock.advance(1_000);
  t.true(closed);
});

test('an AppAttach that is given up leaves nothing behind', async (t) => {
  const { overlay, caller, callee } = await pairOfPeers(t);
  overlay.network.silence(callee.host);
  const abort = new AbortController();
  const attempt = caller.node.openApplication([toNode(callee.node.nodeId)], SIP, { signal: abort.signal });
  overlay.clock.setTimer(4_000, () => abort.abort(new Error('given up')));
  await t.throwsAsync(overlay.clock.runUntil(attempt), { message: 'given up' });
  overlay.network.heal();
  await overlay.clock.advance(40_000);
  await t.notThrowsAsync(overlay.clock.runUntil(open(caller, callee), 20_000));
});

test('a requester whose certificate is not at its candidate gets no connection', async (t) => {
  const { overlay, callee, arrived } = await pairOfPeers(t);
  const bare = new BareNode(overlay, '10.9.0.3');
  await bare.connect();
  const body = {
    ufrag: '',
    password: '',
    application: SIP,
    role: 'passive',
    candidates: toCandidates([{ host: overlay.peers[2]!.host, port: 6084 }]),
  };
  t.is(await errorCodeOf(bare.request(appAttach, body, toNode(callee.node.nodeId))), undefined);
  await overlay.clock.advance(10_000);
  t.deepEqual(arrived, []);
  await bare.stop();
});
