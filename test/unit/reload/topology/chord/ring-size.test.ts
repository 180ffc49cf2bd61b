import test from 'ava';
import { SeededRandom } from '../../../../../src/base/virtual/seeded-random.ts';
import { estimateRingSize } from '../../../../../src/reload/topology/chord/ring-size.ts';

/** The estimate of each peer in a ring of random Node-IDs. */
function estimates(count: number, seed: number): number[] {
  const random = new SeededRandom(seed);
  const ring = Array.from({ length: count }, () => Buffer.from(random.bytes(16)).toString('hex')).sort();
  const at = (i: number) => ring[(i + count) % count]!;
  const sides = Math.min(3, count - 1);
  return ring.map((self, i) =>
    estimateRingSize(self, {
      predecessors: Array.from({ length: sides }, (_, k) => at(i - k - 1)),
      successors: Array.from({ length: sides }, (_, k) => at(i + k + 1)),
    }),
  );
}

test('a peer alone, and the peers of a ring that are all neighbours, know how many they are', (t) => {
  t.is(estimateRingSize('00'.repeat(16), { predecessors: [], successors: [] }), 1);
  for (const count of [2, 3, 4, 5, 6]) t.deepEqual(new Set(estimates(count, count)), new Set([count]));
});

test('a larger ring is estimated by its density: half of the peers are within a third of its size', (t) => {
  for (const count of [50, 1_000, 20_000]) {
    const found = estimates(count, count).sort((a, b) => a - b);
    const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => found[Math.floor(part * count)]! / count);
    t.true(low! > 0.66 && high! < 1.5, `${count}: ${low} ${high}`);
    t.true(middle! > 0.85 && middle! < 1.25, `${count}: ${middle}`);
  }
});
