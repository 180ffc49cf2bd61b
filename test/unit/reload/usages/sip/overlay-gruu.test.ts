import test from 'ava';
import { destinationListOf } from '../../../../../src/reload/usages/sip/overlay-gruu.ts';

test('S8, RFC 7904 §6: base64 of a destination list, with ~ for its padding', (t) => {
  const node = '33'.repeat(16);
  const list = Buffer.from(`8001${'01'}10${node}`, 'hex').toString('base64');
  t.regex(list, /=$/);
  t.deepEqual(destinationListOf(list.replaceAll('=', '~')), [
    { type: 'compressed', value: 0x8001 },
    { type: 'node', nodeId: node },
  ]);
  t.throws(() => destinationListOf(list), { message: /no base64/ });
  t.throws(() => destinationListOf(list.slice(0, 8)));
});
