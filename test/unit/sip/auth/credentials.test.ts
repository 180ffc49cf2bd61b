import test from 'ava';
import { AccountCredentials } from '../../../../src/sip/auth/credentials.ts';
import { digestHa1 } from '../../../../src/sip/auth/digest.ts';

const realm = 'example.org';

test('HA1 comes from the password for both forms of the username, from a stored hash for the plain one', (t) => {
  const store = new AccountCredentials({
    realm,
    accounts: [
      { aor: 'alice@example.org', password: 'secret' },
      { aor: 'bob@example.org', ha1: digestHa1('MD5', 'bob', realm, 'secret').toUpperCase() },
    ],
  });
  t.is(store.ha1('alice@example.org', 'alice', 'MD5'), digestHa1('MD5', 'alice', realm, 'secret'));
  t.is(
    store.ha1('alice@example.org', 'alice@example.org', 'SHA-256'),
    digestHa1('SHA-256', 'alice@example.org', realm, 'secret'),
  );
  t.is(store.ha1('bob@example.org', 'bob', 'MD5'), digestHa1('MD5', 'bob', realm, 'secret'));
  t.is(store.ha1('bob@example.org', 'bob@example.org', 'MD5'), undefined);
  t.is(store.ha1('bob@example.org', 'bob', 'SHA-256'), undefined);
  t.is(store.ha1('carol@example.org', 'carol', 'MD5'), undefined);
});

test('accounts can be replaced while running', (t) => {
  const store = new AccountCredentials({ realm, accounts: [{ aor: 'alice@example.org', password: 'old' }] });
  store.ha1('alice@example.org', 'alice', 'MD5');
  store.replace([{ aor: 'alice@example.org', password: 'new' }]);
  t.is(store.ha1('alice@example.org', 'alice', 'MD5'), digestHa1('MD5', 'alice', realm, 'new'));
  t.is(store.size, 1);
});
