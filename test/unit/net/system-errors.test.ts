import test from 'ava';
import { bindError } from '../../../src/net/system-errors.ts';

const failure = (code: string) => Object.assign(new Error(`bind ${code}`), { code });

test('why a port cannot be bound is told by code and in words', (t) => {
  const codes = ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'EINVAL'].map((code) =>
    bindError(failure(code), 'UDP', '192.0.2.1:80'),
  );
  t.deepEqual(
    codes.map(({ code }) => code),
    ['address-in-use', 'address-unavailable', 'address-forbidden', 'bind-failed'],
  );
  for (const { message } of codes) t.regex(message, /UDP 192\.0\.2\.1:80/);
});
