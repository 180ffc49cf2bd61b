import test from 'ava';
import fc from 'fast-check';
import {
  distance,
  fingerIndex,
  fractionPpb,
  next,
  plusPowerOfTwo,
} from '../../../../../src/reload/topology/chord/ring-arithmetic.ts';
import { contains } from '../../../../../src/reload/topology/topology.ts';

const MODULUS = 1n << 128n;
const hex = (value: bigint) => (((value % MODULUS) + MODULUS) % MODULUS).toString(16).padStart(32, '0');
const id = fc.bigInt({ min: 0n, max: MODULUS - 1n });

test('A26: p < k <= x modulo 2^128, wrap-around included', (t) => {
  fc.assert(
    fc.property(id, id, id, (k, p, x) => {
      fc.pre(p !== x);
      const offset = (value: bigint) => (((value - p - 1n) % MODULUS) + MODULUS) % MODULUS;
      return contains({ after: hex(p), upTo: hex(x) }, hex(k)) === offset(k) <= offset(x);
    }),
  );
  t.true(contains({ after: hex(7n), upTo: hex(7n) }, hex(5n)), 'a lone peer is responsible for everything');
});

test('§10.1: sums and distances are modulo 2^128', (t) => {
  fc.assert(fc.property(id, id, (a, b) => distance(hex(a), hex(b)) === hex(b - a)));
  t.is(next('f'.repeat(32)), '0'.repeat(32));
  t.is(plusPowerOfTwo(hex(MODULUS - 1n), 127), hex((1n << 127n) - 1n));
});

test('B29: the finger index names the range [x+2^(128-i), x+2^(128-(i-1))-1]', (t) => {
  fc.assert(
    fc.property(id, fc.integer({ min: 1, max: 128 }), (x, i) => {
      const low = 1n << BigInt(128 - i);
      return (
        fingerIndex(hex(x), hex(x + low)) === i &&
        fingerIndex(hex(x), hex(x + 2n * low - 1n)) === i &&
        (i === 1 || fingerIndex(hex(x), hex(x + 2n * low)) === i - 1)
      );
    }),
  );
  t.pass();
});

test('B11: the responsible fraction in parts per billion', (t) => {
  t.is(fractionPpb(hex(0n), hex(1n << 127n)), 500_000_000);
  t.is(fractionPpb(hex(9n), hex(9n)), 1_000_000_000);
  t.is(fractionPpb(hex(1n << 127n), hex(1n << 126n)), 750_000_000);
});
