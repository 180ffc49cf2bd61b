import test from 'ava';
import type { StatAns } from '../../../../src/reload/messages/stat.ts';
import { compareStats } from '../../../../src/reload/storage/stat-comparison.ts';
import { entry, PRIVATE_DICTIONARY, storeOne, testStore } from './support.ts';

const KEYS = ['01', '02', '03', '04', '05'] as const;

/** What a peer with these values (key to storage_time) answers to a Stat; a negative time is a removed value. */
function statOf(
  values: Partial<Record<(typeof KEYS)[number], number>>,
  keys: readonly string[] = [],
): StatAns {
  const target = testStore({
    kinds: () =>
      new Map([
        [
          PRIVATE_DICTIONARY,
          {
            id: PRIVATE_DICTIONARY,
            name: 'D',
            dataModel: 'DICTIONARY',
            accessControl: 'USER-MATCH',
            maxCount: 9,
            maxSize: 9,
          },
        ],
      ]),
  });
  for (const [key, time] of Object.entries(values))
    storeOne(target, entry(key, time > 0 ? 'v' : '', time > 0), { storageTime: Math.abs(time) });
  const { resource } = target;
  return target.store.stat({
    resource,
    specifiers: [{ kind: PRIVATE_DICTIONARY, generation: 0, model: 'DICTIONARY', keys }],
  });
}

const places = (keys: readonly string[]) => keys.map((key) => `${PRIVATE_DICTIONARY}/${key}`);

test('B21: the newer storage_time wins, value by value, whether it exists or was removed', (t) => {
  const ours = statOf({ '01': 1000, '02': 2000, '03': -3000, '04': 1000 });
  const theirs = statOf({ '01': 1000, '02': -3000, '03': 2000, '05': 1000 });
  const difference = compareStats(ours, theirs);
  t.deepEqual([...difference.newerHere].sort(), places(['03', '04']));
  t.deepEqual([...difference.newerThere], [PRIVATE_DICTIONARY]);
  t.false(difference.nothingThere);
  t.is(difference.generationBehindHere.size + difference.generationBehindThere.size, 0);
});

test('B21: equal values need nothing but the same generation counter', (t) => {
  const ours = statOf({ '01': 1000, '02': 1000 });
  t.deepEqual(compareStats(ours, ours), {
    newerHere: new Set(),
    newerThere: new Set(),
    generationBehindThere: new Set(),
    generationBehindHere: new Set(),
    nothingThere: false,
  });
  const ahead = {
    kindResponses: ours.kindResponses.map((response) => ({
      ...response,
      generation: response.generation + 1,
    })),
  };
  t.deepEqual([...compareStats(ours, ahead).generationBehindHere], [PRIVATE_DICTIONARY]);
  t.deepEqual([...compareStats(ahead, ours).generationBehindThere], [PRIVATE_DICTIONARY]);
});

test('B23: a peer that answers with synthetic values, or leaves the Kind out, holds nothing', (t) => {
  const ours = statOf({ '01': 1000 });
  for (const theirs of [statOf({}, ['01']), statOf({}), { kindResponses: [] }]) {
    const difference = compareStats(ours, theirs);
    t.deepEqual([...difference.newerHere], places(['01']));
    t.true(difference.nothingThere);
    t.is(difference.newerThere.size, 0);
  }
});
