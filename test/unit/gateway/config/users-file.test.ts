import test, { type ExecutionContext } from 'ava';
import { ConfigError } from '../../../../src/gateway/config/config-error.ts';
import { parseUsers } from '../../../../src/gateway/config/users-file.ts';
import { AccountCredentials } from '../../../../src/sip/auth/credentials.ts';

const rules = { domains: ['example.org', 'example.net'], digest: ['MD5'] } as const;

function parse(...users: string[]) {
  return parseUsers(`users:\n${users.map((user) => `  - ${user}\n`).join('')}`, 'users.yaml', rules);
}

function refusal(t: ExecutionContext, ...users: string[]): string {
  return t.throws(() => parse(...users), { instanceOf: ConfigError })!.message;
}

test('passwords and hashes become accounts a phone can log in to', (t) => {
  const ha1 = '20a6ed6a11a42cbebb4bfbc4cd2a7c28';
  const accounts = parse(
    '{ aor: alice@example.org, password: secret }',
    `{ aor: Bob@Example.ORG, ha1: ${ha1.toUpperCase()} }`,
    '{ aor: "%63arol@example.net", password: "1234" }',
  );
  t.deepEqual(
    accounts.map(({ aor }) => aor),
    ['alice@example.org', 'Bob@example.org', 'carol@example.net'],
  );
  const credentials = new AccountCredentials({ realm: 'example.org', accounts });
  // printf '%s' 'alice:example.org:secret' | md5sum
  t.is(credentials.ha1('alice@example.org', 'alice', 'MD5'), '543e1aec5d3614f03141652d6ada51b2');
  t.is(credentials.ha1('Bob@example.org', 'Bob', 'MD5'), ha1);
});

test('refused: an AoR twice, also when only escapes and case of the host differ', (t) => {
  t.is(
    refusal(t, '{ aor: alice@example.org, password: a }', '{ aor: "%61lice@EXAMPLE.org", password: b }'),
    'users.yaml: users[1].aor: alice@example.org is there twice; keep one of them',
  );
});

test('the case of the user part counts', (t) => {
  t.is(parse('{ aor: alice@example.org, password: a }', '{ aor: Alice@example.org, password: b }').length, 2);
});

test('refused: an AoR outside the domains', (t) => {
  t.is(
    refusal(t, '{ aor: alice@example.com, password: a }'),
    'users.yaml: users[0].aor: alice@example.com is in none of sip.domains (example.org, example.net); add example.com there, or take the user out',
  );
});

for (const aor of [
  'alice',
  'sip:alice@example.org',
  'alice@example.org:5060',
  'alice@example.org;x=y',
  'älice@example.org',
  '@example.org',
]) {
  test(`refused: ${aor} is no AoR`, (t) => {
    t.is(
      refusal(t, `{ aor: "${aor}", password: a }`),
      `users.yaml: users[0].aor: "${aor}" is not an address of record; write it like alice@example.org`,
    );
  });
}

test('refused: no secret, two secrets, or one that no challenge asks for', (t) => {
  const mend = 'give a password, or ha1, or ha1-sha256 (or both hashes)';
  const line = (fault: string) => `users.yaml: users[0]: alice@example.org ${fault}; ${mend}`;
  t.is(refusal(t, '{ aor: alice@example.org }'), line('has no password'));
  t.is(
    refusal(t, `{ aor: alice@example.org, password: a, ha1: "${'0'.repeat(32)}" }`),
    line('has a password and a hash'),
  );
  t.is(
    refusal(t, `{ aor: alice@example.org, ha1-sha256: "${'0'.repeat(64)}" }`),
    line('has no hash for sip.digest (md5)'),
  );
});

test('a wrong secret is refused without being shown', (t) => {
  t.is(
    refusal(t, '{ aor: alice@example.org, password: 4711 }'),
    'users.yaml: users[0].password: is not a text; give a text (in quotes where it is a number)',
  );
  t.is(
    refusal(t, '{ aor: alice@example.org, ha1: c0ffee }'),
    'users.yaml: users[0].ha1: will not do; give 32 hex digits in quotes',
  );
});

test('refused: not a list of users', (t) => {
  t.is(
    t.throws(() => parseUsers('users: alice', 'users.yaml', rules))!.message,
    'users.yaml: users: is not a list; write one "- {aor: alice@example.org, password: ...}" a line',
  );
  t.is(
    t.throws(() => parseUsers('alice: secret', 'users.yaml', rules))!.message,
    'users.yaml: users: is missing; add it',
  );
});
