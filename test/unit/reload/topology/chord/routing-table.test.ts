import test from 'ava';
import { distance } from '../../../../../src/reload/topology/chord/ring-arithmetic.ts';
import { RoutingTable } from '../../../../../src/reload/topology/chord/routing-table.ts';
import { contains } from '../../../../../src/reload/topology/topology.ts';
import { idOf } from './static-ring.ts';

/** Tables as they are in a settled ring: three neighbours on either side and the ideal fingers. */
function settledRing(size: number): Map<string, RoutingTable> {
  const ids = Array.from({ length: size }, (_, i) => idOf(`peer ${i}`)).sort();
  const tables = new Map<string, RoutingTable>();
  ids.forEach((self, at) => {
    const table = new RoutingTable(self, { neighbors: 3, fingers: 16 });
    table.membership = 'member';
    for (const step of [-3, -2, -1, 1, 2, 3]) table.peers.add(ids[(at + step + size) % size]!);
    table.peers.delete(self);
    for (let i = 1; i <= 16; i++) {
      const target = table.fingers.target(i);
      const finger = ids.find((id) => id >= target) ?? ids[0]!;
      if (finger !== self) table.peers.add(finger);
    }
    table.neighbors.refresh();
    tables.set(self, table);
  });
  return tables;
}

function hops(tables: Map<string, RoutingTable>, from: string, id: string): number {
  let at = from;
  for (let count = 0; count <= 128; count++) {
    const next = tables.get(at)!.nextHop(id)!;
    if (next === at) return count;
    at = next;
  }
  throw new Error(`no end of the way from ${from} to ${id}`);
}

for (const size of [1, 2, 3, 5, 16, 64]) {
  test(`A26: exactly one owner of each of 500 resources in a ring of ${size}`, (t) => {
    const tables = settledRing(size);
    if (size === 1) for (const table of tables.values()) table.membership = 'alone';
    for (let i = 0; i < 500; i++) {
      const resource = idOf(`resource ${i}`);
      t.is([...tables.values()].filter((table) => table.isResponsible(resource)).length, 1);
    }
  });
}

test('A33: mean hops at 64 peers are at most log2(64)/2 + 1', (t) => {
  const tables = settledRing(64);
  let total = 0;
  let count = 0;
  for (const from of tables.keys()) {
    for (let i = 0; i < 50; i++, count++) total += hops(tables, from, idOf(`resource ${i}`));
  }
  t.log(`mean hops ${(total / count).toFixed(2)}`);
  t.true(total / count <= Math.log2(64) / 2 + 1);
});

test('§10.3: the largest Node-ID between us and the identifier, else the smallest after it', (t) => {
  const id = (digit: string) => digit.repeat(32);
  const table = new RoutingTable(id('4'), { neighbors: 3, fingers: 16 });
  table.membership = 'member';
  for (const peer of ['1', '2', '3', '5', '8', 'c']) table.peers.add(id(peer));
  table.neighbors.refresh();
  t.is(table.nextHop(id('4')), id('4'), 'our own range ends with us');
  t.is(table.nextHop(`38${'0'.repeat(30)}`), id('4'), 'and begins after the predecessor');
  t.is(table.nextHop(id('3')), id('3'), 'a known Node-ID directly');
  t.is(table.nextHop(`45${'0'.repeat(30)}`), id('5'), 'nobody in between: the successor');
  t.is(table.nextHop(id('9')), id('8'));
  t.is(table.nextHop(id('f')), id('c'));
  t.is(table.nextHop(id('0')), id('c'), 'across zero');
});

test('§10.7.3: a replica is kept until there are three predecessors between us and the resource', (t) => {
  const tables = settledRing(16);
  const ids = [...tables.keys()];
  ids.forEach((self, at) => {
    const third = ids[(at - 3 + 16) % 16]!;
    for (let i = 0; i < 50; i++) {
      const resource = idOf(`resource ${i}`);
      t.is(tables.get(self)!.keeps(resource), contains({ after: third, upTo: self }, resource));
    }
  });
});

test('B21: replica Stores are taken from nodes in or nearer than the replica set only', (t) => {
  const tables = settledRing(16);
  const ids = [...tables.keys()];
  const self = ids[9]!;
  const table = tables.get(self)!;
  // Owned by ids[8], so ids[9] and ids[10] keep replicas.
  const resource = ids[8]!;
  t.true(table.isPlausibleReplicaSource(ids[8]!, resource));
  t.true(table.isPlausibleReplicaSource(ids[10]!, resource));
  t.false(table.isPlausibleReplicaSource(ids[11]!, resource));
  t.false(table.isPlausibleReplicaSource(ids[7]!, resource));
  t.true(table.isPlausibleReplicaSource(ids[2]!, self), 'towards the owner anybody hands over');
});

test('B9: an answer for a resource is believed from nodes no neighbour of ours is closer than', (t) => {
  const tables = settledRing(16);
  const ids = [...tables.keys()];
  const table = tables.get(ids[5]!)!;
  t.true(table.isPlausibleOwner(ids[7]!, ids[7]!));
  t.false(table.isPlausibleOwner(ids[8]!, ids[7]!));
  t.true(distance(ids[6]!, ids[7]!) < distance(ids[6]!, ids[8]!));
});

test('B29: the finger table has 16 entries, more when the last successor lies below them', (t) => {
  const self = '0'.repeat(32);
  const { fingers } = new RoutingTable(self, { neighbors: 3, fingers: 16 });
  t.is(fingers.size(undefined), 16);
  t.is(fingers.size(`8${'0'.repeat(31)}`), 16);
  t.is(fingers.size(`${'0'.repeat(8)}8${'0'.repeat(23)}`), 33);
  t.is(fingers.size(`${'0'.repeat(31)}1`), 128);
});
