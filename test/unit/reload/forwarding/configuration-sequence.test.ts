import test from 'ava';
import fc from 'fast-check';
import { compareSequence, nextSequence } from '../../../../src/reload/forwarding/configuration-sequence.ts';

const sequence = fc.integer({ min: 0, max: 65_534 });

test('B6: sequence numbers are compared modulo 65535', (t) => {
  t.is(compareSequence(7, 7), 'equal');
  t.is(compareSequence(8, 7), 'newer');
  t.is(compareSequence(6, 7), 'older');
  t.is(compareSequence(0, 65_534), 'newer');
  t.is(compareSequence(65_534, 0), 'older');
  t.is(compareSequence(65_535, 0), 'newer');
});

test('B6: 65534 is followed by 0', (t) => {
  t.is(nextSequence(7), 8);
  t.is(nextSequence(65_534), 0);
});

test('B6: of two different sequences one is older, seen from both sides, wherever they wrap', (t) => {
  fc.assert(
    fc.property(sequence, sequence, (a, b) => {
      const opposite = { equal: 'equal', older: 'newer', newer: 'older' } as const;
      return (
        compareSequence(a, b) === opposite[compareSequence(b, a)] &&
        (compareSequence(a, b) === 'equal') === (a === b)
      );
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('B6: up to 32767 steps onwards are newer, from any sequence; 65535 is never reached', (t) => {
  fc.assert(
    fc.property(sequence, fc.integer({ min: 1, max: 32_767 }), (from, steps) => {
      let to = from;
      for (let i = 0; i < steps; i++) to = nextSequence(to);
      return to < 65_535 && compareSequence(to, from) === 'newer' && compareSequence(from, to) === 'older';
    }),
    { numRuns: 200 },
  );
  t.pass();
});
