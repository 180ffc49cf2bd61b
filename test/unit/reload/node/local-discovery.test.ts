import test from 'ava';
import { CodedError, silentLogger } from '../../../../src/base/index.ts';
import { SimulatedLan } from '../../../../src/base/virtual/simulated-lan.ts';
import { DocumentedOverlay } from './documented-overlay.ts';
import { SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

/** An overlay whose hosts share a network with multicast, and whose peers know no addresses. */
function onOneLan(seed: number) {
  const overlay = new SimulatedOverlay(seed);
  const lan = new SimulatedLan(overlay.network);
  const make = (first: boolean) => overlay.make({ lan, first, bootstrap: [] });
  return { overlay, lan, make };
}

test('A21, A23: two nodes on one network, no bootstrap list: joined in less than 5 s', async (t) => {
  const { overlay, make } = onOneLan(211);
  t.true((await overlay.start(make(true))) < 3_000);
  const ms = await overlay.start(make(false));
  t.log(`joined after ${Math.round(ms)} ms`);
  t.true(ms < 1_000);
  await overlay.clock.advance(3_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.register(overlay.peers[0]!, 'alice', 'here');
  t.deepEqual(await overlay.lookup(overlay.peers[1]!, 'alice'), ['here']);
  await overlay.stopAll();
});

test('A21: the one that must not be the first waits until somebody turns up', async (t) => {
  const { overlay, make } = onOneLan(212);
  const patient = make(false);
  overlay.peers.push(patient);
  const joined = patient.node.start();
  await overlay.clock.advance(120_000);
  t.is(patient.node.state, 'joining');
  await overlay.start(make(true));
  const began = overlay.clock.monotonic();
  await overlay.clock.runUntil(joined);
  t.true(overlay.clock.monotonic() - began < 5_000);
  await overlay.clock.advance(3_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('A21: nodes that all may be the first, started at once, end up in one ring', async (t) => {
  const { overlay, make } = onOneLan(213);
  const peers = [make(true), make(true), make(true)];
  overlay.peers.push(...peers);
  await overlay.clock.runUntil(Promise.all(peers.map(({ node }) => node.start())), 60_000);
  await overlay.clock.advance(60_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('A21: a peer cut off with everybody it knew gone asks again and joins whoever is there', async (t) => {
  const { overlay, lan, make } = onOneLan(214);
  await overlay.start(make(true));
  await overlay.start(make(false));
  await overlay.clock.advance(3_000);
  const [gone, left] = overlay.peers as [SimulatedPeer, SimulatedPeer];
  overlay.kill(gone);
  await overlay.clock.advance(120_000);
  t.is(left.node.state, 'isolated');
  await overlay.start(overlay.make({ lan, first: true, bootstrap: [] }));
  await overlay.clock.advance(10_000);
  t.is(left.node.state, 'joined');
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('A21: where multicast does not work, nobody waits for it', async (t) => {
  const overlay = new SimulatedOverlay(215);
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => warnings.push(text) };
  const lan = new SimulatedLan(overlay.network);
  lan.host = () => ({
    join: async () => {
      throw new CodedError('multicast-unavailable', 'no interface carries it');
    },
  });
  t.true((await overlay.start(overlay.make({ lan, logger }))) < 100);
  t.true((await overlay.start(overlay.make({ lan, logger }))) < 3_000, 'by its bootstrap list');
  t.deepEqual(warnings, Array(2).fill('peers on the local network are not looked for'));
  await overlay.stopAll();
});

test('T1: peers find each other in the group that a document names, a group of a newer document included', async (t) => {
  const overlay = new DocumentedOverlay(216);
  const lan = new SimulatedLan(overlay.network);
  const [group, other] = [
    { host: '239.255.42.1', port: 6084 },
    { host: 'ff05::42', port: 7000 },
  ];
  const document = overlay.read(overlay.bytes(1, { multicastBootstrap: [group] }));
  t.deepEqual(document.multicastBootstrap, [group]);
  let current = () => document;
  const groups = () => current().multicastBootstrap.map((address) => ({ address, hops: 16 }));
  const start = async (more: object = {}) => {
    const peer = overlay.makeWith(current(), { lan, groups, bootstrap: [], ...more });
    current = () => peer.node.document;
    await overlay.start(peer);
  };
  await start({ first: true });
  await start({ first: false });
  const changed = overlay.bytes(2, { multicastBootstrap: [other] });
  await overlay.sendDocument(changed, overlay.peers[1]!);
  await overlay.clock.advance(20 * 60_000);
  t.deepEqual(overlay.sequences(), [2, 2]);
  await start({ first: false });
  await overlay.clock.advance(3_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});
