import test, { type ExecutionContext } from 'ava';
import { builtInKinds, Kind } from '../../../../src/reload/document/kinds.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { decodeRecord } from '../../../../src/reload/storage/kind-record.ts';
import { keyOf, placeOfKey, RECORD_PREFIX } from '../../../../src/reload/storage/record-key.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { requestCounter } from './request-counter.ts';
import { SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? 20_261_124);

/** What each peer has on its disk of a resource and Kind: its values with their times, as text. */
function copies(overlay: SimulatedOverlay): Map<string, Map<SimulatedPeer, string>> {
  const found = new Map<string, Map<SimulatedPeer, string>>();
  for (const peer of overlay.peers) {
    for (const [key, bytes] of peer.kv.entries(RECORD_PREFIX)) {
      const { kind } = placeOfKey(key)!;
      const { generation, elements } = decodeRecord(kind, builtInKinds.get(kind)!.dataModel, bytes);
      const values = elements.map(
        ({ place, storageTime, exists }) => `${place}@${storageTime}${exists ? '' : '-'}`,
      );
      const text = `${generation}: ${values.sort().join()}`;
      found.set(key, (found.get(key) ?? new Map<SimulatedPeer, string>()).set(peer, text));
    }
  }
  return found;
}

/** Each record stands at its owner and the two peers after it, and nowhere else, the same everywhere. */
function assertInLine(t: ExecutionContext, overlay: SimulatedOverlay): void {
  const ring = [...overlay.peers].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
  for (const [key, held] of copies(overlay)) {
    const { resource } = placeOfKey(key)!;
    const at = ring.indexOf(overlay.ownerOf(resource));
    const wanted = [0, 1, 2].map((i) => ring[(at + i) % ring.length]!);
    const names = (peers: Iterable<SimulatedPeer>) => [...peers].map(({ host }) => host).sort();
    t.deepEqual(names(held.keys()), names(wanted), key);
    t.is(new Set(held.values()).size, 1, `${key} ${[...held.values()].join(' | ')}`);
  }
}

/** A value under a user's name that whoever has the user's identity can write anywhere in the overlay. */
async function write(
  overlay: SimulatedOverlay,
  through: SimulatedPeer,
  user: Identity,
  text: string | undefined,
): Promise<void> {
  const resource = userResource(user.userName);
  const value = Buffer.from(text ?? '');
  const stored = {
    index: 0,
    exists: text !== undefined,
    value,
    lifetimeS: 7200,
    storageTime: overlay.clock.now(),
  };
  const kinds = [{ kind: Kind.CERTIFICATE_BY_USER, values: [stored] }];
  await overlay.clock.runUntil(through.node.store(resource, kinds, { signer: user }), 60_000);
}

/** What this peer finds: the text, or undefined for a removed value. */
async function read(overlay: SimulatedOverlay, through: SimulatedPeer, user: Identity) {
  const wanted = [{ kind: Kind.CERTIFICATE_BY_USER }];
  const [found] = await overlay.clock.runUntil(
    through.node.fetch(userResource(user.userName), wanted),
    60_000,
  );
  const [value] = found!.values;
  if (value === undefined) return 'nothing';
  return value.value.exists ? Buffer.from(value.value.value).toString() : undefined;
}

function usersOf(peer: SimulatedPeer, count: number, prefix: string): Identity[] {
  return Array.from({ length: count }, (_, i) => peer.identity.registration(`${prefix}${i}@sim.example.org`));
}

test('A42, B21: a ring split 4 and 4 for ten minutes, written to on both sides, heals: the newest value everywhere, removed ones too', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(8);
  const users = usersOf(overlay.peers[0]!, 24, 'u');
  for (const [i, user] of users.entries()) await write(overlay, overlay.peers[i % 8]!, user, 'before');
  const away = overlay.peers.slice(4);
  const sideOf = (side: 'here' | 'away', i: number) => overlay.peers[(side === 'here' ? 0 : 4) + (i % 4)]!;
  overlay.network.partition([away.map(({ host }) => host)]);
  await overlay.clock.advance(120_000);

  // Who writes first and who later differs; every third value is removed by the later side.
  const expected = new Map<Identity, string | undefined>();
  for (const [i, user] of users.entries()) {
    const [first, later] = i % 2 === 0 ? (['here', 'away'] as const) : (['away', 'here'] as const);
    await write(overlay, sideOf(first, i), user, `first ${first}`);
    await overlay.clock.advance(10_000);
    const text = i % 3 === 0 ? undefined : `later ${later}`;
    await write(overlay, sideOf(later, i), user, text);
    expected.set(user, text);
  }
  const fresh = [
    ...usersOf(overlay.peers[0]!, 12, 'here').map((user, i) => [user, sideOf('here', i)] as const),
    ...usersOf(overlay.peers[0]!, 12, 'away').map((user, i) => [user, sideOf('away', i)] as const),
  ];
  for (const [user, through] of fresh) {
    await write(overlay, through, user, 'fresh');
    expected.set(user, 'fresh');
  }
  await overlay.clock.advance(240_000);

  overlay.network.heal();
  // Two stabilisation intervals.
  await overlay.clock.advance(2 * 600_000);
  t.deepEqual(overlay.faults(), []);
  assertInLine(t, overlay);
  for (const [i, [user, text]] of [...expected].entries()) {
    t.is(await read(overlay, overlay.peers[i % 8]!, user), text, user.userName);
  }
  await overlay.stopAll();
});

test('A42: a peer that comes back with an old disk takes what was written meanwhile, and brings nothing back', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(5);
  const users = usersOf(overlay.peers[0]!, 40, 'u');
  for (const user of users) await write(overlay, overlay.peers[1]!, user, 'old');
  await overlay.clock.advance(60_000);
  const { kv, identity } = overlay.peers[2]!;
  overlay.kill(overlay.peers[2]!);
  await overlay.clock.advance(60_000);
  const expected = users.map((_, i) => (i % 4 === 0 ? undefined : i % 4 === 1 ? 'new' : 'old'));
  for (const [i, user] of users.entries()) {
    if (expected[i] !== 'old') await write(overlay, overlay.peers[1]!, user, expected[i]);
  }
  const metrics = new CountingMetrics();
  const back = overlay.make({ kv, identity, metrics });
  await overlay.start(back);
  for (const [i, user] of users.entries())
    t.is(await read(overlay, back, user), expected[i], `at once: ${i}`);
  await overlay.clock.advance(180_000);
  assertInLine(t, overlay);
  for (const [i, user] of users.entries()) t.is(await read(overlay, back, user), expected[i]);
  t.true(metrics.value('reload_records_audited_total') > 0);
  await overlay.stopAll();
});

test('A28, B28: a restart sends nothing again that the others hold, and a quiet ring nothing at all', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  const counts = requestCounter();
  for (let i = 0; i < 4; i++) await overlay.start(overlay.make({ trace: counts.trace }));
  const users = usersOf(overlay.peers[0]!, 150, 'u');
  for (const user of users) await write(overlay, overlay.peers[1]!, user, 'v');
  await overlay.clock.advance(180_000);
  assertInLine(t, overlay);
  const records = copies(overlay).size;

  const { kv, identity } = overlay.peers[3]!;
  overlay.kill(overlay.peers[3]!);
  // Shorter than the hold-down: no new replicas are made meanwhile.
  await overlay.clock.advance(5_000);
  counts.reset();
  await overlay.start(overlay.make({ kv, identity, trace: counts.trace }));
  await overlay.clock.advance(300_000);
  assertInLine(t, overlay);
  t.log(`${records} records: ${counts.of('stat')} Stats, ${counts.of('store')} Stores`);
  // The certificates of the peers are stored anew by their owner, and replicated.
  t.true(counts.of('store') <= 30, `${counts.of('store')} Stores`);
  // Those passed on by others count twice.
  t.true(counts.of('stat') <= 4 * records, `${counts.of('stat')} Stats`);

  counts.reset();
  await overlay.clock.advance(1_200_000);
  t.deepEqual([counts.of('stat'), counts.of('store')], [0, 0], 'what is in line is not looked at again');
  await overlay.stopAll();
});

test('A28: hand-over of thousands of records goes on behind, at its pace, and no lookup misses one meanwhile', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(1);
  const [first] = overlay.peers;
  const users = usersOf(first!, 4_000, 'u');
  for (const user of users.slice(0, 2_000)) await write(overlay, first!, user, user.userName);
  await overlay.clock.advance(60_000);
  for (const user of users.slice(2_000)) await write(overlay, first!, user, user.userName);
  const metrics = new CountingMetrics();
  const joining = overlay.make({ metrics });
  const took = await overlay.start(joining);
  const mine = users.filter((user) => joining.node.isResponsible(userResource(user.userName)));
  t.log(
    `${mine.length} of ${users.length} records are the joining peer's, which was admitted after ${took} ms`,
  );
  t.true(mine.length > 1_000, 'more than are given before the admission');
  t.true(took < 5_000, `${took} ms`);

  const held = () => [...joining.kv.entries(RECORD_PREFIX)].length;
  const before = held();
  const since = overlay.clock.monotonic();
  t.true(before < mine.length, `${before} of ${mine.length}`);
  const lacks = (user: Identity) =>
    joining.kv.get(keyOf(userResource(user.userName), Kind.CERTIFICATE_BY_USER)) === undefined;
  const missing = mine.filter(lacks);
  t.true(missing.length >= 20);
  const given = mine.filter((user) => !lacks(user));
  const newerHalf = new Set(users.slice(2_000));
  const onlyNewer = given.every((user) => newerHalf.has(user));
  t.true(
    given.length > 0 && (onlyNewer || missing.every((user) => !newerHalf.has(user))),
    'the newest first',
  );
  for (const user of missing.slice(0, 20)) t.is(await read(overlay, first!, user), user.userName);
  const asked = metrics.value('reload_records_repaired_total', { direction: 'asked' });
  t.true(asked >= 20);
  await overlay.clock.advance(5_000);
  const taken = held() - before - asked;
  const bound = 500 + (overlay.clock.monotonic() - since) / 10;
  t.true(taken > 0 && taken <= bound, `${taken} in ${overlay.clock.monotonic() - since} ms`);
  await overlay.clock.advance(120_000);
  t.is(held(), copies(overlay).size);
  for (const copy of copies(overlay).values()) t.is(copy.size, 2);
  await overlay.stopAll();
});
