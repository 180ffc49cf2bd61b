import test from 'ava';
import type { Connection } from '../../../../src/base/index.ts';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { seal } from '../../../../src/reload/forwarding/sealed-message.ts';
import { encodeDataFrame } from '../../../../src/reload/link/frame.ts';
import { attach } from '../../../../src/reload/messages/attach.ts';
import { type Destination, toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { fetch } from '../../../../src/reload/messages/fetch.ts';
import { decodeHeader, encodeWithHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { join } from '../../../../src/reload/messages/join.ts';
import { leave } from '../../../../src/reload/messages/leave.ts';
import { decodeEnvelope, encodeContents } from '../../../../src/reload/messages/message.ts';
import { type StoreReq, store } from '../../../../src/reload/messages/store.ts';
import type { StoredDataValue } from '../../../../src/reload/messages/stored-data.ts';
import { update } from '../../../../src/reload/messages/update.ts';
import { toCandidates } from '../../../../src/reload/node/candidates.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { signValue } from '../../../../src/reload/security/value-signature.ts';
import {
  nodeMultipleResource,
  nodeResource,
  userResource,
} from '../../../../src/reload/storage/access-policy.ts';
import type { HostileMember } from '../../../support/fuzz/hostile-member.ts';
import { HostileOverlay } from '../../../support/fuzz/hostile-overlay.ts';
import { updateNaming } from '../../../support/fuzz/session-corpus.ts';
import type { SimulatedPeer } from '../node/simulated-overlay.ts';

const SEED = 20_261_124;
const NOTHING = new Uint8Array(0);
const OVERLAY = 'sim.example.org';

const hexId = (n: number) => n.toString(16).padStart(32, '0');

/** The ring as its peers see it, and what they hold. */
const ringOf = (overlay: HostileOverlay) => stateOf(overlay).map(({ values: _values, ...ring }) => ring);

const stateOf = (overlay: HostileOverlay) =>
  overlay.peers.map(({ node }) => {
    const { links: _links, ...ring } = node.ring();
    return { ...ring, values: node.storedValues };
  });

async function setUp(peers: number, members = 1) {
  const overlay = new HostileOverlay(SEED, [1, 3]);
  await overlay.growWatched(peers);
  const [victim] = overlay.peers as [SimulatedPeer];
  const hostile: HostileMember[] = [];
  for (let i = 0; i < members; i++) hostile.push(await overlay.member(`10.66.0.${i + 1}`, victim));
  return { overlay, victim, hostile, mallory: hostile[0]!, to: [toNode(victim.node.nodeId)] };
}

async function tearDown(overlay: HostileOverlay, hostile: readonly HostileMember[]): Promise<void> {
  for (const member of hostile) member.close();
  await overlay.stopAll();
}

test('A17, B10: forged Joins and Leaves are Forbidden, whichever of id, signer and link is another, and change nothing', async (t) => {
  const { overlay, victim, hostile, to } = await setUp(4, 2);
  const [mallory, trudy] = hostile as [HostileMember, HostileMember];
  const other = overlay.peers[1]!.node.nodeId;
  const admissions = () => overlay.metrics.get(victim)!.value('reload_admissions_total');
  const [before, admitted] = [stateOf(overlay), admissions()];
  const joinFor = (signer: HostileMember, joiningPeerId: string) =>
    signer.request(join, { joiningPeerId, overlayData: NOTHING }, to);
  const leaveFor = (signer: HostileMember, leavingPeerId: string) =>
    signer.request(leave, { leavingPeerId, overlayData: Uint8Array.of(1, 0, 0) }, to);
  for (const forge of [joinFor, leaveFor]) {
    t.is(await overlay.reply(mallory, forge(mallory, other)), 'Forbidden', 'the id is another');
    t.is(await overlay.reply(mallory, forge(trudy, trudy.nodeId)), 'Forbidden', 'the link is another');
    t.is(await overlay.reply(mallory, forge(trudy, mallory.nodeId)), 'Forbidden', 'the signer is another');
    t.is(await overlay.reply(mallory, forge(trudy, other)), 'Forbidden', 'all three are others');
  }
  t.deepEqual(stateOf(overlay), before);
  t.deepEqual(overlay.faults(), []);
  t.is(admissions(), admitted);
  await tearDown(overlay, hostile);
});

test('B20: nobody stores for others, under none of the four access policies, as owner or as replica', async (t) => {
  const { overlay, hostile, mallory } = await setUp(4);
  const { identity } = overlay.peers[2]!;
  const user = `alice@${OVERLAY}`;
  const alice = identity.registration(user);
  const value = { exists: true, value: Buffer.from('mine') };
  const places: readonly [string, number, string, StoredDataValue, Identity][] = [
    [
      'USER-MATCH',
      Kind.CERTIFICATE_BY_USER,
      userResource(user),
      { model: 'ARRAY', index: 0, ...value },
      alice,
    ],
    [
      'NODE-MATCH',
      Kind.SIP_PEER_ADDRESS,
      nodeResource(identity.nodeId),
      { model: 'SINGLE', ...value },
      identity,
    ],
    [
      'USER-NODE-MATCH',
      Kind.SIP_REGISTRATION,
      userResource(user),
      { model: 'DICTIONARY', key: identity.nodeId, ...value },
      alice,
    ],
    [
      'USER-NODE-MATCH, own key',
      Kind.SIP_REGISTRATION,
      userResource(user),
      { model: 'DICTIONARY', key: mallory.nodeId, ...value },
      alice,
    ],
    [
      'NODE-MULTIPLE',
      Kind.TURN_SERVICE,
      nodeMultipleResource(identity.nodeId, 1),
      { model: 'SINGLE', ...value },
      identity,
    ],
  ];
  const before = stateOf(overlay);
  for (const [policy, kind, resource, place, owner] of places) {
    for (const [whose, signer] of [
      ['his own', mallory.identity],
      ['the owner’s', owner],
    ] as const) {
      // A replica of a value its owner signed is what replicas are, whoever brings it.
      for (const replicaNumber of signer === owner ? [0] : [0, 1, 2]) {
        const data = signValue(
          signer.signer,
          { resource, kind },
          { storageTime: overlay.clock.now(), lifetime: 600, value: place },
        );
        const request: StoreReq = {
          resource,
          replicaNumber,
          kindData: [{ kind, generation: replicaNumber, values: [data] }],
        };
        const contents = encodeContents(store.requestCode, store.request, request);
        const message = mallory.sealed(contents, {
          destinationList: [toResource(resource)],
          certificates: [signer.certificate.der],
        });
        t.is(
          await overlay.reply(mallory, message),
          'Forbidden',
          `${policy}, a value with ${whose} signature, replica ${replicaNumber}`,
        );
      }
    }
  }
  t.deepEqual(stateOf(overlay), before);
  await tearDown(overlay, hostile);
});

test('T18: Updates, Joins and Leaves of others, replayed over another link, are Forbidden and change nothing', async (t) => {
  const { overlay, victim, hostile, mallory } = await setUp(5);
  const captured = [update, join, leave].flatMap(({ requestCode }) =>
    overlay.messages(victim, 'in', requestCode).slice(-4),
  );
  const departing = overlay.peers.at(-1)!;
  const from = overlay.seen.length;
  await overlay.stop(departing);
  await overlay.clock.advance(30_000);
  captured.push(...overlay.messages(victim, 'in', leave.requestCode, from));
  t.true(captured.some(({ code }) => code === leave.requestCode));
  t.true(captured.some(({ code }) => code === join.requestCode));
  const before = ringOf(overlay);
  for (const { bytes, code } of captured) {
    t.is(await overlay.reply(mallory, bytes), 'Forbidden', `code ${code}`);
  }
  t.deepEqual(ringOf(overlay), before);
  t.deepEqual(overlay.faults(), []);
  await tearDown(overlay, hostile);
});

test('B18, T6: replayed Stores change nothing: at once, after 15 s, over any link, and with old storage times', async (t) => {
  const { overlay, hostile, mallory } = await setUp(4);
  const writer = overlay.peers[1]!;
  const owner = overlay.ownerOf(overlay.resourceOf('alice'));
  const from = overlay.seen.length;
  await overlay.register(writer, 'alice', 'first');
  const original = () =>
    overlay.seen.slice(from).find(({ code, direction }) => code === store.requestCode && direction === 'out');
  const first = original()?.bytes ?? overlay.messages(owner, 'out', store.requestCode, from)[0]!.bytes;
  const before = stateOf(overlay);
  for (const pause of [0, 5_000, 16_000]) {
    await overlay.clock.advance(pause);
    await overlay.reply(mallory, first);
    t.deepEqual(await overlay.lookup(overlay.peers[2]!, 'alice'), ['first']);
  }
  await overlay.clock.advance(1_000);
  await overlay.register(writer, 'alice', 'second');
  for (const pause of [0, 16_000, 600_000]) {
    await overlay.clock.advance(pause);
    await overlay.reply(mallory, first);
    t.deepEqual(await overlay.lookup(overlay.peers[2]!, 'alice'), ['second'], `${pause} ms later`);
  }
  t.deepEqual(
    stateOf(overlay).map(({ values }) => values),
    before.map(({ values }) => values),
  );
  await tearDown(overlay, hostile);
});

test('B18: a Store that goes through a malicious peer cannot be replayed after a removal', async (t) => {
  const { overlay, hostile, mallory } = await setUp(4);
  const writer = overlay.peers[1]!;
  const resource = overlay.resourceOf('bob');
  const from = overlay.seen.length;
  await overlay.register(writer, 'bob', 'here');
  const stores = overlay.seen
    .slice(from)
    .filter(({ code, direction }) => code === store.requestCode && direction === 'in');
  await overlay.clock.advance(1_000);
  const value = {
    key: writer.node.nodeId,
    exists: false,
    value: NOTHING,
    lifetimeS: 3600,
    storageTime: overlay.clock.now(),
  };
  await overlay.clock.runUntil(
    writer.node.store(resource, [{ kind: Kind.SIP_REGISTRATION, values: [value] }], {
      signer: writer.identity.registration(`bob@${OVERLAY}`),
    }),
  );
  await overlay.clock.advance(20_000);
  t.true(stores.length > 0);
  for (const { bytes } of stores) {
    t.is((await overlay.reply(mallory, bytes)) === 'answered', false);
    const [record] = await overlay.clock.runUntil(
      overlay.peers[2]!.node.fetch(resource, [{ kind: Kind.SIP_REGISTRATION }]),
    );
    t.false(record?.values.some(({ value: { exists } }) => exists));
  }
  await tearDown(overlay, hostile);
});

test('B9: an answer by a member that does not own the resource is dropped, the owner’s counts', async (t) => {
  const overlay = new HostileOverlay(SEED, [1, 3]);
  await overlay.growWatched(6);
  await overlay.register(overlay.peers[0]!, 'carol', 'the truth');
  const resource = overlay.resourceOf('carol');
  const owner = overlay.ownerOf(resource);
  const asker = overlay.peers.find((peer) => peer !== owner && peer !== overlay.peers[0])!;
  const mallory = await overlay.member('10.66.0.1', asker);
  const metrics = overlay.metrics.get(asker)!;
  const wrong = () => metrics.value('reload_messages_dropped_total', { reason: 'answer-signer' });
  overlay.network.silence(owner.host);
  const from = overlay.seen.length;
  const found = asker.node.fetch(resource, [{ kind: Kind.SIP_REGISTRATION }]);
  await overlay.clock.advance(100);
  const [asked] = overlay.messages(asker, 'out', fetch.requestCode, from);
  t.truthy(asked, 'the request is under way');
  const lie = encodeContents(fetch.answerCode, fetch.answer, {
    kindResponses: [{ kind: Kind.SIP_REGISTRATION, generation: 9, values: [] }],
  });
  const { transactionId } = decodeHeader(asked!.bytes);
  mallory.send(mallory.sealed(lie, { transactionId, destinationList: [toNode(asker.node.nodeId)] }));
  await overlay.clock.advance(100);
  t.is(wrong(), 1);
  overlay.network.heal();
  const [record] = await overlay.clock.runUntil(found);
  t.is(Buffer.from(record!.values[0]!.value.value).toString(), 'the truth');
  await tearDown(overlay, [mallory]);
});

test('T18: a node that names thousands of peers that do not exist causes a bounded number of Attaches', async (t) => {
  const { overlay, victim, hostile, mallory, to } = await setUp(5);
  const self = BigInt(`0x${victim.node.nodeId}`);
  const near = (distance: number) =>
    ((self + BigInt(distance) + (1n << 128n)) % (1n << 128n)).toString(16).padStart(32, '0');
  const from = overlay.seen.length;
  const began = overlay.clock.monotonic();
  // Each Update names peers still nearer than those before, so that all of them would be wanted as neighbours.
  for (let round = 200; round > 0; round--) {
    const names = (sign: number) => Array.from({ length: 64 }, (_, i) => near(sign * (round * 64 + i)));
    mallory.send(mallory.request(update, { overlayData: updateNaming(names(-1), names(1)) }, to));
    await overlay.clock.advance(20);
  }
  const attaches = overlay
    .messages(victim, 'out', attach.requestCode, from)
    .map(({ bytes }) => decodeHeader(bytes).transactionId);
  const seconds = (overlay.clock.monotonic() - began) / 1000;
  t.log(`${new Set(attaches).size} Attaches for 25,600 names in ${seconds} s`);
  // Of the 64 that may be under way, 16 are his.
  t.true(new Set(attaches).size <= 40, `${new Set(attaches).size}`);
  // None of them is believed, and who really joins meanwhile gets in.
  const real = new Set([mallory.nodeId, ...overlay.peers.map(({ node }) => node.nodeId)]);
  const { predecessors, successors } = victim.node.ring();
  for (const nodeId of [...predecessors, ...successors]) t.true(real.has(nodeId));
  const took = await overlay.start(overlay.make());
  t.true(took < 30_000, `${took} ms`);
  mallory.close();
  await overlay.clock.advance(120_000);
  t.deepEqual(overlay.faults(), []);
  await tearDown(overlay, hostile);
});

test('candidates that point at third parties: connection attempts are bounded in number and rate', async (t) => {
  const { overlay, hostile, to } = await setUp(3, 4);
  let connections = 0;
  // Each third party has a member's certificate, so that the simulated handshake gets far enough to be counted.
  const thirds = hostile.map((_, i) => ({ host: `10.99.0.${i}`, port: 443 }));
  for (const [i, third] of thirds.entries()) {
    const onConnection = (connection: Connection): void => {
      connections++;
      connection.destroy();
    };
    const identity = hostile[i]!.identity.tls;
    await overlay.network.host(third.host).listen(third, onConnection, { verifyPeer: () => {}, identity });
  }
  const messageOf = (member: HostileMember, i: number) => {
    const candidates = toCandidates(Array.from({ length: 32 }, () => thirds[i]!));
    const body = { ufrag: '', password: '', role: 'passive', candidates, sendUpdate: false };
    return member.request(attach, body, to);
  };
  for (let round = 0; round < 100; round++) {
    for (const [i, member] of hostile.entries()) {
      member.send(...Array.from({ length: 10 }, () => messageOf(member, i)));
    }
    await overlay.clock.advance(100);
  }
  await overlay.clock.advance(20_000);
  t.log(`${connections} connections for 4,000 Attaches in 10 s`);
  t.true(connections > 0);
  // 100 at once and 10 a second for each signer.
  t.true(connections <= 4 * (100 + 10 * 10), `${connections}`);
  await tearDown(overlay, hostile);
});

test('B16: a frame over max-message-size is answered with Message_Too_Large and closes its link, no other', async (t) => {
  const { overlay, victim, hostile, to } = await setUp(3, 2);
  const [mallory, trudy] = hostile as [HostileMember, HostileMember];
  const whole = mallory.request(fetch, { resource: hexId(1), specifiers: [] }, to);
  const header = decodeHeader(whole);
  const large = encodeWithHeader(header, whole.subarray(header.headerLength), new Uint8Array(70_000));
  mallory.sendRaw(encodeDataFrame(0, large));
  await overlay.clock.advance(1_000);
  t.false(mallory.isConnected);
  const [answer] = mallory.received;
  t.is(decodeHeader(answer!).transactionId, header.transactionId);
  t.is(overlay.metrics.get(victim)!.value('reload_errors_sent_total', { error: 'Message_Too_Large' }), 1);
  t.true(trudy.isConnected);
  t.deepEqual(overlay.faults(), []);
  await tearDown(overlay, hostile);
});

test('B9: a message that somebody else signed, or nobody, is dropped without an answer', async (t) => {
  const { overlay, victim, hostile, to } = await setUp(3, 2);
  const [mallory, trudy] = hostile as [HostileMember, HostileMember];
  const whole = mallory.request(fetch, { resource: overlay.resourceOf('x'), specifiers: [] }, to);
  const header = decodeHeader(whole);
  const { contentsBytes } = decodeEnvelope(whole, header);
  // Trudy's signature with Mallory's certificate, over the contents of one of hers, and over another transaction.
  const { overlayHash } = overlay.document;
  const other = seal(contentsBytes, {
    overlayHash,
    transactionId: header.transactionId + 1n,
    signer: trudy.identity.signer,
  });
  const replaced = encodeWithHeader(header, other.contents, other.security);
  const moved = encodeWithHeader(
    { ...header, transactionId: header.transactionId + 5n },
    whole.subarray(header.headerLength),
  );
  for (const message of [replaced, moved]) t.is(await overlay.reply(mallory, message), 'dropped');
  t.is(overlay.metrics.get(victim)!.value('reload_messages_dropped_total', { reason: 'signature' }), 2);
  await tearDown(overlay, hostile);
});

test('B2: lists that lead in circles cost the overlay a bounded number of hops, and no crash', async (t) => {
  const { overlay, hostile, mallory } = await setUp(4);
  const around: Destination[] = Array.from({ length: 250 }, (_, i) =>
    toNode(overlay.peers[i % 4]!.node.nodeId),
  );
  const from = overlay.seen.length;
  mallory.send(mallory.request(fetch, { resource: hexId(1), specifiers: [] }, around));
  await overlay.clock.advance(10_000);
  const hops = overlay.seen
    .slice(from)
    .filter(({ direction, code }) => direction === 'out' && code === fetch.requestCode);
  t.true(hops.length <= 4, `${hops.length} hops`);
  t.deepEqual(overlay.faults(), []);
  await tearDown(overlay, hostile);
});

test('a member may store its own, as much as the Kind allows and no more', async (t) => {
  const { overlay, hostile, mallory } = await setUp(3);
  const resource = nodeResource(mallory.nodeId);
  const kind = Kind.CERTIFICATE_BY_NODE;
  let stored = 0;
  const certificate = mallory.identity.certificate.der;
  for (let index = 0; index < 20; index++) {
    const data = signValue(
      mallory.identity.signer,
      { resource, kind },
      {
        storageTime: overlay.clock.now(),
        lifetime: 600,
        value: { model: 'ARRAY', index, exists: true, value: certificate },
      },
    );
    const message = mallory.request(
      store,
      { resource, replicaNumber: 0, kindData: [{ kind, generation: 0, values: [data] }] },
      [toResource(resource)],
    );
    if ((await overlay.reply(mallory, message)) === 'answered') stored++;
  }
  t.is(stored, overlay.document.kinds.get(kind)!.maxCount);
  await tearDown(overlay, hostile);
});
