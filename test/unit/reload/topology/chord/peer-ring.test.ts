import test from 'ava';
import fc from 'fast-check';
import { PeerRing } from '../../../../../src/reload/topology/chord/peer-ring.ts';

const peer = fc.integer({ min: 0, max: 60 }).map((n) => n.toString(16).padStart(32, '0'));

test('§10.1: neighbours on both sides equal a plain search of the ring', (t) => {
  fc.assert(
    fc.property(fc.array(peer), fc.array(peer, { maxLength: 5 }), peer, (added, removed, self) => {
      const ring = new PeerRing();
      const expected = new Set(added);
      for (const one of added) ring.add(one);
      for (const one of removed) ring.delete(one) === expected.delete(one) || fc.pre(false);
      const sorted = [...expected].sort();
      const after = [...sorted.filter((one) => one >= self), ...sorted.filter((one) => one < self)];
      const before = [
        ...sorted.filter((one) => one >= self),
        ...sorted.filter((one) => one < self),
      ].reverse();
      t.deepEqual([...ring], sorted);
      t.deepEqual(ring.successors(self, 3), after.slice(0, 3));
      t.deepEqual(ring.predecessors(self, 3), before.slice(0, 3));
      t.is(ring.atOrAfter(self), after[0]);
      t.is(ring.before(self), before[0]);
      t.is(ring.has(self), expected.has(self));
    }),
  );
});
