import test from 'ava';
import fc from 'fast-check';
import { LruMap } from '../../../src/base/index.ts';

test('the least recently used entry goes first, whatever was asked for and removed before', (t) => {
  const step = fc.tuple(fc.constantFrom('get', 'set', 'delete', 'clear'), fc.nat(5));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const map = new LruMap<number, string>(3);
      let order: number[] = [];
      for (const [what, key] of steps) {
        const others = order.filter((other) => other !== key);
        if (what === 'set') {
          map.set(key, `v${key}`);
          order = [...others, key].slice(-3);
        } else if (what === 'get') {
          t.is(map.get(key), order.includes(key) ? `v${key}` : undefined);
          if (order.includes(key)) order = [...others, key];
        } else if (what === 'delete') {
          map.delete(key);
          order = others;
        } else {
          map.clear();
          order = [];
        }
        t.is(map.size, order.length);
      }
      for (const key of order) t.is(map.get(key), `v${key}`);
    }),
  );
});
