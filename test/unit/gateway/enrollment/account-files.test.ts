import { mkdirSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { AccountFiles } from '../../../../src/gateway/enrollment/account-files.ts';
import { systemRandom } from '../../../../src/net/index.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const ALICE = 'alice@example.org';

function setUp() {
  const home = temporaryDirectory('accounts');
  const places = { accounts: path.join(home, 'accounts'), nodes: path.join(home, 'nodes') };
  for (const directory of Object.values(places)) mkdirSync(directory);
  const open = () => new AccountFiles({ random: systemRandom }, { ...places, overlay: 'example.org' });
  return { accounts: open(), open };
}

test('A19: Node-IDs asked for at once are the same, also across a restart and from two processes', async (t) => {
  const { accounts, open } = setUp();
  await accounts.add(ALICE, 'secret');
  const account = (await accounts.find(ALICE))!;
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => accounts.nodeIds(account, 1 + (i % 3))));
  const longest = all.find((ids) => ids?.length === 3)!;
  for (const ids of all) t.deepEqual(ids?.slice(0, 1), longest.slice(0, 1));
  t.deepEqual(await open().nodeIds(account, 3), await accounts.nodeIds(account, 1));
});

test('T16: an enrollment that meets the removal of its account gets nothing, or is revoked', async (t) => {
  const { accounts, open } = setUp();
  for (let round = 0; round < 30; round++) {
    const name = `user${round}@example.org`;
    await accounts.add(name, 'secret');
    const account = (await accounts.find(name))!;
    const serving = (async () => {
      const nodeIds = await accounts.nodeIds(account, 1);
      return (await accounts.noteCertificate(account, 1_000)) ? nodeIds : undefined;
    })();
    for (let turn = 0; turn < round % 10; turn++) await new Promise(setImmediate);
    const line = open();
    line.remove(name);
    const revoked = line.removed().find(({ userName }) => userName === name)!;
    const certified = await serving;
    if (certified !== undefined) t.deepEqual(revoked.nodeIds, certified);
    t.is(await accounts.nodeIds(account, 1), undefined);
    t.is(await accounts.find(name), undefined);
    line.forget(revoked.id);
  }
  t.deepEqual(accounts.removed(), []);
});

test('A24: of two that make the same account at once one succeeds', async (t) => {
  const { accounts, open } = setUp();
  const made = await Promise.allSettled([accounts.add(ALICE, 'a'), open().add(ALICE, 'b')]);
  t.deepEqual(made.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('T16: who was let in with a password gets nothing once it is changed, nor from a later account of the name', async (t) => {
  const { accounts, open } = setUp();
  await accounts.add(ALICE, 'old');
  const account = (await accounts.find(ALICE))!;
  const [nodeId] = (await accounts.nodeIds(account, 1))!;
  await open().setPassword(ALICE, 'new');
  t.is(await accounts.nodeIds(account, 1), undefined);
  t.false(await accounts.noteCertificate(account, 1_000));
  t.deepEqual(
    await accounts.nodeIds((await accounts.find(ALICE))!, 1),
    [nodeId!],
    'but with the new one, as before',
  );
  open().remove(ALICE);
  await open().add(ALICE, 'new');
  t.is(await accounts.nodeIds(account, 1), undefined);
  t.deepEqual((await accounts.find(ALICE))?.nodeIds, []);
});

test('T16: a password that is changed while its account is removed does not bring it back', async (t) => {
  const { accounts, open } = setUp();
  await accounts.add(ALICE, 'old');
  const changing = accounts.setPassword(ALICE, 'new');
  open().remove(ALICE);
  await t.throwsAsync(changing, { code: 'account-unknown' });
  t.is(await accounts.find(ALICE), undefined);
});

test('names from the network that no account can have are unknown ones', async (t) => {
  const { accounts } = setUp();
  for (const name of ['', 'a', '../../etc/passwd', 'a\0@b', `${'ü'}@b`, `${'x'.repeat(500)}@b`]) {
    t.is(await accounts.find(name), undefined);
  }
});
