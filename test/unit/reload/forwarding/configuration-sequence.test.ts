import test from 'ava';
import { compareSequence, nextSequence } from '../../../../src/reload/forwarding/configuration-sequence.ts';

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
