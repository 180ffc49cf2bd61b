import test from 'ava';
import { HexTokens } from '../../../src/base/index.ts';
import { systemRandom } from '../../../src/net/index.ts';

test('RFC 3261 §19.3: tokens have their length and never come twice', (t) => {
  const tokens = new HexTokens(systemRandom, 7);
  const made = Array.from({ length: 1000 }, () => tokens.next());
  t.true(made.every((token) => /^[0-9a-f]{14}$/.test(token)));
  t.is(new Set(made).size, 1000);
});
