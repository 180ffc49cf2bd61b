import test from 'ava';
import { utf8 } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { PasswordChecks } from '../../../../src/reload/enrollment/password-checks.ts';
import {
  hashPassword,
  NOBODYS_PASSWORD,
  verifyPassword,
} from '../../../../src/reload/enrollment/password-hash.ts';

const random = new SeededRandom(5);

test('a password fits its own hash and no other; the same one twice has two hashes', async (t) => {
  const hash = await hashPassword(random, utf8('pässword'));
  t.true(await verifyPassword(hash, utf8('pässword')));
  t.false(await verifyPassword(hash, utf8('password')));
  t.not(await hashPassword(random, utf8('pässword')), hash);
});

test('nobody’s password, a damaged hash and one that costs too much fit nothing', async (t) => {
  const hash = await hashPassword(random, utf8('x'));
  for (const other of [NOBODYS_PASSWORD, '', hash.slice(0, -1), hash.replace('ln=14', 'ln=30')]) {
    t.false(await verifyPassword(other, utf8('x')));
  }
});

test('A19: two passwords are checked at once and 256 wait; for more there is no time', async (t) => {
  const checks = new PasswordChecks();
  const cheap = `$scrypt$ln=1,r=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
  const results = await Promise.all(Array.from({ length: 262 }, () => checks.verify(cheap, utf8('x'))));
  t.is(results.filter((result) => result === false).length, 258);
  t.is(results.filter((result) => result === undefined).length, 4);
  t.false(await checks.verify(cheap, utf8('x')), 'all is free again');
});
