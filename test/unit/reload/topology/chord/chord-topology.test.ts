import test from 'ava';
import { decodeUpdate } from '../../../../../src/reload/topology/chord/chord-contents.ts';
import { memberKnowing, topologyOf, update } from './static-ring.ts';

const id = (digit: string) => digit.repeat(32);

test('A17: no Update of ours before the neighbours-to-be are attached', (t) => {
  const topology = topologyOf(id('5'));
  const first = topology.updateReceived(id('6'), update([id('4'), id('3')], [id('7')]), 0);
  t.deepEqual(
    first,
    [
      { type: 'attach', nodeId: id('4'), via: id('6') },
      { type: 'attach', nodeId: id('3'), via: id('6') },
      { type: 'attach', nodeId: id('7'), via: id('6') },
    ],
    'B27: neighbours are attached through their informant',
  );
  t.is(topology.membership, 'outside');

  const labelled = topology.updateReceived(id('6'), update([id('5'), id('4')], [id('7')]), 10);
  t.deepEqual(labelled, [{ type: 'admitted', by: id('6') }]);
  t.deepEqual(topology.timeout(1_000), [], 'still attaching');
  for (const peer of ['3', '4', '7']) topology.updateReceived(id(peer), update([], []), 1_000);
  t.deepEqual(
    topology.timeout(1_100).filter(({ type }) => type === 'send-update'),
    [{ type: 'send-update', to: 'connections', full: false }],
  );
});

test('A16: admitting names the joining node our predecessor, to it first, to the neighbours, then to everybody else', (t) => {
  const topology = memberKnowing(id('8'), [id('9'), id('2')]);
  const actions = topology.admit(id('6'), 10_000);
  t.deepEqual(
    actions.filter(({ type }) => type === 'send-update'),
    [
      { type: 'send-update', to: [id('6')], full: false },
      { type: 'send-update', to: [id('6'), id('2'), id('9')], full: false },
    ],
  );
  t.deepEqual(
    topology.timeout(40_000).filter(({ type }) => type === 'send-update'),
    [{ type: 'send-update', to: 'non-neighbors', full: false }],
  );
  t.deepEqual(decodeUpdate(topology.updateContents(false, 0))?.predecessors, [id('6'), id('2'), id('9')]);
  t.false(topology.isResponsible(id('6')));
  t.true(topology.isResponsible(id('7')));
});

test('B28: a peer never lists itself', (t) => {
  const topology = memberKnowing(id('8'), [id('9')]);
  topology.updateReceived(id('9'), update([id('8')], [id('8')]), 20_000);
  const named = decodeUpdate(topology.updateContents(true, 0));
  t.deepEqual(named, { predecessors: [id('9')], successors: [id('9')] });
});

test('B12: nobody is routed through before an Update came from it', (t) => {
  const topology = memberKnowing(id('8'), [id('9'), id('5')]);
  const actions = topology.updateReceived(id('9'), update([id('8'), id('5')], [id('b')]), 20_000);
  t.deepEqual(actions, [{ type: 'attach', nodeId: id('b'), via: id('9') }]);
  topology.attachEnded(id('b'), true, 20_010);
  t.is(topology.nextHop(id('b')), id('9'));
  topology.updateReceived(id('b'), update([], []), 20_020);
  t.is(topology.nextHop(id('b')), id('b'));
});

test('B28: a failed neighbour is replaced at once, everybody is told, its range is replicated by its successor', (t) => {
  const topology = memberKnowing(id('8'), ['9', 'a', 'b', '7', '6', '5'].map(id));
  const actions = topology.linkLost(id('7'), 10_000);
  t.deepEqual(topology.snapshot().predecessors, [id('6'), id('5'), id('b')]);
  t.deepEqual(actions, [
    { type: 'replicate', range: { after: id('6'), upTo: id('7') }, to: [id('9'), id('a')] },
    { type: 'attach', nodeId: id('7') },
  ]);
  t.true(topology.isResponsible(id('7')));
  t.deepEqual(topology.timeout(10_020), [{ type: 'send-update', to: 'connections', full: false }]);
});

test('B28: new replicas for a failed successor wait for the hold-down of 30 s', (t) => {
  const topology = memberKnowing(id('8'), ['9', 'a', 'b', '7', '6', '5'].map(id));
  const lost = topology.linkLost(id('9'), 10_000);
  t.false(lost.some(({ type }) => type === 'replicate'));
  topology.attachEnded(id('9'), false, 20_000);
  const replications = (now: number) => topology.timeout(now).filter(({ type }) => type === 'replicate');
  t.deepEqual(replications(39_999), []);
  t.deepEqual(replications(40_000), [
    { type: 'replicate', range: { after: id('7'), upTo: id('8') }, to: [id('b')] },
  ]);
  t.deepEqual(replications(80_000), [], 'once');
});

test('A28: a nearer successor gets replicas at once', (t) => {
  const topology = memberKnowing(id('8'), ['a', 'b', 'c', '7', '6', '5'].map(id));
  const actions = topology.updateReceived(
    id('9'),
    update(['8', '7', '6'].map(id), ['a', 'b', 'c'].map(id)),
    10_000,
  );
  t.deepEqual(actions, [{ type: 'replicate', range: { after: id('7'), upTo: id('8') }, to: [id('9')] }]);
  t.deepEqual(topology.replicaSet(), [id('9'), id('a')]);
});

test('B10: a nearer predecessor that others admitted is handed what we are no longer responsible for', (t) => {
  const topology = memberKnowing(id('8'), [id('9'), id('5')]);
  const actions = topology.updateReceived(id('7'), update([id('5')], [id('8')]), 10_000);
  t.deepEqual(
    actions.filter(({ type }) => type === 'hand-over'),
    [{ type: 'hand-over', range: { after: id('5'), upTo: id('7') } }],
  );
});

test('B30: a Leave counts as a failure, and the peers it names are attached to', (t) => {
  const leaving = memberKnowing(id('9'), ['a', 'b', 'c', '8', '7', '6'].map(id));
  const topology = memberKnowing(id('8'), ['9', 'a', '7', '6', '5'].map(id));
  const actions = topology.leaveReceived(id('9'), leaving.leaveContents(id('8')), 10_000);
  t.false(topology.knows(id('9')));
  t.deepEqual(
    actions.filter(({ type }) => type === 'attach'),
    ['b', 'c'].map((peer) => ({ type: 'attach', nodeId: id(peer) })),
  );
});

test('a peer that could not be reached is left alone while others still name it, then tried again', (t) => {
  const topology = memberKnowing(id('8'), [id('9'), id('5')]);
  topology.updateReceived(id('9'), update([id('8')], [id('a')]), 10_000);
  topology.attachEnded(id('a'), false, 20_000);
  const attaches = (actions: readonly { type: string }[]) => actions.filter(({ type }) => type === 'attach');
  t.deepEqual(attaches(topology.updateReceived(id('9'), update([id('8')], [id('a')]), 20_001)), []);
  t.deepEqual(attaches(topology.timeout(49_999)), []);
  t.deepEqual(attaches(topology.timeout(50_000)), [{ type: 'attach', nodeId: id('a') }]);
});

test('an Update that lacks neighbours we know is answered with ours, at most every 5 s', (t) => {
  const topology = memberKnowing(id('8'), ['9', 'a', '7', '6'].map(id));
  const hints = (now: number) =>
    topology.updateReceived(id('6'), update([], [id('a')]), now).filter(({ type }) => type === 'send-update');
  t.deepEqual(hints(10_000), [{ type: 'send-update', to: [id('6')], full: false }]);
  t.deepEqual(hints(10_001), []);
  t.is(hints(15_001).length, 1);
});

test('P10: with the last peer gone we are isolated and go on serving what we have', (t) => {
  const topology = memberKnowing(id('8'), [id('9')]);
  t.deepEqual(topology.linkLost(id('9'), 10_000), [{ type: 'isolated' }]);
  t.is(topology.membership, 'alone');
  t.true(topology.isResponsible(id('1')));
});

test('A42: admitted again after isolation, everything outside our range is handed over', (t) => {
  const topology = memberKnowing(id('8'), [id('9')]);
  topology.linkLost(id('9'), 10_000);
  const actions = topology.updateReceived(id('9'), update([id('8'), id('3')], []), 20_000);
  t.deepEqual(
    actions.filter(({ type }) => type === 'hand-over'),
    [{ type: 'hand-over', range: { after: id('8'), upTo: id('9') } }],
  );
});

test('B29: periodic Updates go round the neighbours, finger and partition searches recur', (t) => {
  const topology = memberKnowing(id('8'), ['9', 'a', 'b', '7', '6', '5'].map(id));
  const seen = new Set<string>();
  let probes = 0;
  for (let at = topology.nextTimeout()!; at < 1_300_000; at = topology.nextTimeout()!) {
    for (const action of topology.timeout(at)) {
      if (action.type === 'send-update' && action.to !== 'connections') seen.add(action.to[0]!);
      if (action.type === 'probe-partition') probes++;
    }
  }
  t.is(seen.size, 6);
  t.true(probes >= 1);
});

test('B28: neighbours that the Update of another passes over are checked at once, at most every 2 s', (t) => {
  const topology = memberKnowing(id('8'), [id('5'), id('6'), id('7'), id('9'), id('a'), id('b')]);
  const checks = (contents: Uint8Array, nowMs: number) =>
    topology.updateReceived(id('5'), contents, nowMs).filter(({ type }) => type === 'check');
  const whole = update([id('4'), id('3'), id('2')], [id('6'), id('7'), id('8')]);
  const without6 = update([id('4'), id('3'), id('2')], [id('7'), id('8'), id('9')]);
  t.deepEqual(checks(whole, 20_000), []);
  // 5 has lost 6: whatever stands between 5 and us may be gone too.
  t.deepEqual(checks(without6, 21_000), [{ type: 'check', peers: [id('7'), id('6')] }]);
  t.deepEqual(checks(without6, 22_999), []);
  t.is(checks(without6, 23_000).length, 1);
});

test('B28: peers that came nearer are gathered for those who are not neighbours, a failure is told to all at once', (t) => {
  const topology = memberKnowing(id('8'), [id('5'), id('9')]);
  const updates = (nowMs: number) => topology.timeout(nowMs).filter(({ type }) => type === 'send-update');
  updates(60_000);
  topology.updateReceived(id('7'), update([id('5')], [id('8')]), 70_000);
  t.deepEqual(updates(70_010), [{ type: 'send-update', to: [id('7'), id('5'), id('9')], full: false }]);
  t.deepEqual(updates(84_000), []);
  t.deepEqual(updates(100_000), [{ type: 'send-update', to: 'non-neighbors', full: false }]);
  topology.linkLost(id('7'), 110_000);
  t.deepEqual(updates(110_010), [{ type: 'send-update', to: 'connections', full: false }]);
  t.deepEqual(updates(140_000), []);
});
