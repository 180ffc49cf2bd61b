import test from 'ava';
import fc from 'fast-check';
import { SlotList, type Slotted } from '../../../src/base/index.ts';

class Item implements Slotted {
  slot = -1;
}

test('a slot list holds what was added and not deleted, as a Set would', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(7))), (steps) => {
      const items = Array.from({ length: 8 }, () => new Item());
      const list = new SlotList<Item>();
      const expected = new Set<Item>();
      for (const [isAdded, at] of steps) {
        const item = items[at]!;
        if (!isAdded) {
          list.delete(item);
          expected.delete(item);
        } else if (!expected.has(item)) {
          list.add(item);
          expected.add(item);
        }
      }
      t.is(list.size, expected.size);
      t.true([...list].every((item) => expected.has(item)));
    }),
  );
});

test('after clear() a slot list is empty, and what was in it can be added again', (t) => {
  const list = new SlotList<Item>();
  const item = new Item();
  list.add(item);
  list.clear();
  list.delete(item);
  t.is(list.size, 0);
  list.add(item);
  t.deepEqual([...list], [item]);
});
