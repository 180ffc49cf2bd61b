import test from 'ava';
import fc from 'fast-check';
import { IdleMap, IdleSet, SlotList } from '../../../src/base/index.ts';

const steps = fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'clear'), fc.integer({ min: 0, max: 4 })));

test('an IdleMap holds what a Map holds', (t) => {
  fc.assert(
    fc.property(steps, (history) => {
      const [idle, map] = [new IdleMap<number, number>(), new Map<number, number>()];
      history.forEach(([what, key], at) => {
        if (what === 'set') {
          idle.set(key, at);
          map.set(key, at);
        } else if (what === 'clear') {
          idle.clear();
          map.clear();
        } else {
          t.is(idle.delete(key), map.delete(key));
        }
        t.deepEqual([...idle], [...map]);
        t.deepEqual(
          [idle.size, [...idle.keys()], [...idle.values()]],
          [map.size, [...map.keys()], [...map.values()]],
        );
        t.deepEqual([idle.has(key), idle.get(key)], [map.has(key), map.get(key)]);
      });
    }),
  );
});

test('an IdleSet holds what a Set holds', (t) => {
  fc.assert(
    fc.property(steps, (history) => {
      const [idle, set] = [new IdleSet<number>(), new Set<number>()];
      for (const [what, item] of history) {
        if (what === 'set') {
          idle.add(item);
          set.add(item);
        } else if (what === 'clear') {
          idle.clear();
          set.clear();
        } else {
          t.is(idle.delete(item), set.delete(item));
        }
        t.deepEqual([idle.size, [...idle], idle.has(item)], [set.size, [...set], set.has(item)]);
      }
    }),
  );
});

test('a SlotList holds the objects of a Set, in any order, and nothing is removed twice', (t) => {
  fc.assert(
    fc.property(steps, (history) => {
      const objects = Array.from({ length: 5 }, () => ({ slot: 0 }));
      const [list, set] = [new SlotList<{ slot: number }>(), new Set<{ slot: number }>()];
      for (const [what, at] of history) {
        const object = objects[at]!;
        if (what === 'set' && !set.has(object)) {
          list.add(object);
          set.add(object);
        } else if (what === 'delete') {
          list.delete(object);
          set.delete(object);
        }
        t.is(list.size, set.size);
        t.true([...list].every((item) => set.has(item)));
      }
    }),
  );
});
