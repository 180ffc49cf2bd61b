import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { credentials } from '../../../support/digest.ts';
import { AdapterBench, ALICE, BOB, EnrollmentBench, GW1, GW2, TestAccount } from './support.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function setup(keyType: 'ec' | 'rsa' = 'ec') {
  const bench = new EnrollmentBench(keyType);
  const adapter = new AdapterBench(bench);
  await bench.clock.advance(1000);
  return { bench, adapter, clock: bench.clock };
}

for (const keyType of ['ec', 'rsa'] as const) {
  test(`T2: a phone registers for the first time (${keyType}): its response is proof, certificate and HA1 come back`, async (t) => {
    const { bench, adapter } = await setup(keyType);
    t.is((await adapter.send()).status, 401);
    t.is((await adapter.register()).result, 'ok');
    const identity = await adapter.judge.registrationOf(ALICE);
    t.is(identity.nodeId, GW1);
    t.is(identity.userName, ALICE);
    t.notThrows(() => bench.certificates.verify(identity.certificate.der));

    const asked = adapter.http.requests;
    t.is((await adapter.register()).result, 'ok');
    t.is((await adapter.register({ method: 'INVITE' })).result, 'ok');
    t.is(adapter.http.requests, asked, 'from now on the HA1 is known here');
  });
}

test('T2: no registration certificate for a user who has not come here', async (t) => {
  const { adapter } = await setup();
  await adapter.register();
  await t.throwsAsync(adapter.judge.registrationOf(BOB), { code: 'no-registration-certificate' });
});

test('both forms of the username serve, each with its own HA1', async (t) => {
  const { adapter } = await setup();
  t.is((await adapter.register()).result, 'ok');
  t.is((await adapter.register({ username: ALICE })).result, 'ok');
  const asked = adapter.http.requests;
  t.is((await adapter.register()).result, 'ok');
  t.is((await adapter.register({ username: ALICE })).result, 'ok');
  t.is(adapter.http.requests, asked);
});

test('a wrong password and an unknown user are challenged anew, as where no enrollment server is', async (t) => {
  const { adapter } = await setup();
  for (const options of [{ password: 'guess' }, { aor: 'nobody@example.org' }]) {
    const { result, status, stale } = await adapter.register(options);
    t.is(result, 'wrong');
    t.is(status, 401);
    t.false(stale);
  }
  t.is(adapter.users.size, 0);
});

test('Challenges: nc=1 for ever, replays and old nonces are stale before the enrollment server hears of them', async (t) => {
  const { adapter, clock } = await setup();
  const { nonce } = await adapter.send();
  t.is((await adapter.send(credentials({ nonce }))).result, 'ok');
  const asked = adapter.http.requests;
  t.is((await adapter.send(credentials({ nonce }))).result, 'stale');
  const { nonce: old } = await adapter.send(undefined, BOB);
  await clock.advance(51_000);
  const late = await adapter.send(credentials({ nonce: old, username: 'bob' }), BOB);
  t.is(late.result, 'stale', 'too old to be shown to the server');
  t.is((await adapter.send(credentials({ nonce: late.nonce, username: 'bob' }), BOB)).result, 'ok');
  t.is(adapter.http.requests, asked + 1);
});

test('A22: without the enrollment server known users register, unknown ones get 504, also after a restart', async (t) => {
  const { adapter, clock } = await setup();
  t.is((await adapter.register()).result, 'ok');
  adapter.http.isDown = true;
  t.is((await adapter.register({ aor: BOB })).status, 504);
  t.is((await adapter.register()).result, 'ok');
  t.is((await adapter.register({ password: 'guess' })).result, 'wrong', 'and nobody else in their name');

  adapter.restart();
  await clock.advance(1000);
  t.is((await adapter.register()).result, 'ok');
  t.is((await adapter.register({ aor: BOB })).status, 504);
  await t.notThrowsAsync(adapter.judge.registrationOf(ALICE), 'the certificate was kept as well');

  adapter.http.isDown = false;
  await clock.advance(40_000);
  t.is((await adapter.register({ aor: BOB })).result, 'ok', 'it answers again');
});

test('what the enrollment server gave serves for three days without it, the certificate for one', async (t) => {
  const { adapter, clock } = await setup();
  await adapter.register();
  adapter.http.isDown = true;
  await clock.advance(DAY_MS + HOUR_MS);
  t.is((await adapter.register()).result, 'ok');
  await t.throwsAsync(adapter.judge.registrationOf(ALICE), { code: 'no-registration-certificate' });
  await clock.advance(2 * DAY_MS);
  t.is((await adapter.register()).status, 504);
  t.is(adapter.users.size, 0);
});

test('T2: the certificate is renewed from half its life on, by a REGISTER with a fresh nonce', async (t) => {
  const { adapter, clock } = await setup();
  const certified: string[] = [];
  await adapter.register();
  adapter.users.certified.on((aor) => certified.push(aor));
  const first = await adapter.judge.registrationOf(ALICE);
  await clock.advance(11 * HOUR_MS);
  await adapter.register();
  t.deepEqual(certified, []);
  await clock.advance(2 * HOUR_MS);
  t.is((await adapter.register()).result, 'ok');
  t.deepEqual(certified, [ALICE]);
  const second = await adapter.judge.registrationOf(ALICE);
  t.true(second.certificate.notAfter > first.certificate.notAfter);
});

test('a changed password: the new one serves at once, the old one no longer than until the next renewal', async (t) => {
  const { bench, adapter, clock } = await setup();
  await adapter.register();
  bench.accounts.get(ALICE)!.passwordText = 'changed';
  t.is((await adapter.register()).result, 'ok', 'not known here yet');
  t.is((await adapter.register({ password: 'changed' })).result, 'ok');
  t.is((await adapter.register()).result, 'wrong');

  bench.accounts.get(ALICE)!.passwordText = 'again';
  await clock.advance(13 * HOUR_MS);
  t.is((await adapter.register({ password: 'changed' })).result, 'wrong', 'a renewal was due');
  adapter.http.isDown = true;
  await clock.advance(1000);
  t.is((await adapter.register({ password: 'changed' })).status, 504, 'the HA1 is forgotten');
});

test('a guesser cannot make the peer forget the HA1 of a user, and is slowed down', async (t) => {
  const { adapter, clock } = await setup();
  await adapter.register();
  for (let i = 0; i < 10; i += 1) t.is((await adapter.register({ password: `guess${i}` })).result, 'wrong');
  const busy = await adapter.register({ password: 'guess' });
  t.is(busy.status, 503);
  t.is((await adapter.register()).result, 'ok');
  await clock.advance(13 * HOUR_MS);
  for (let i = 0; i < 10; i += 1) await adapter.register({ password: `guess${i}` });
  t.is((await adapter.register({ password: 'guess' })).status, 503);
  t.is((await adapter.register()).result, 'ok', 'though his renewal has to wait');
});

test('T16: a revoked user is forgotten, told of, and answered 403, with the enrollment server and without', async (t) => {
  const { bench, adapter, clock } = await setup();
  const told: string[] = [];
  adapter.users.revoked.on((aor) => told.push(aor));
  await adapter.register();
  await adapter.register({ aor: BOB });
  bench.accounts.delete(ALICE);
  bench.revokedUsers = new Map([[ALICE, clock.now()]]);
  adapter.users.revokeAll(bench.revokedUsers);
  t.deepEqual(told, [ALICE]);
  t.false(adapter.users.has(ALICE));
  t.true(adapter.users.has(BOB));
  t.is((await adapter.register()).status, 403);
  adapter.http.isDown = true;
  t.is((await adapter.register()).status, 403);
  t.is((await adapter.register()).status, 403, 'also once the server is known to be away');
  adapter.restart();
  t.is((await adapter.register()).status, 403);
});

test('T16: what the enrollment server gave just before a removal is not taken after it', async (t) => {
  const { bench, adapter, clock } = await setup();
  const { nonce } = await adapter.send();
  adapter.http.latencyMs = 100;
  const registering = adapter.send(credentials({ nonce }));
  await clock.advance(60);
  bench.revokedUsers = new Map([[ALICE, clock.now()]]);
  adapter.judge.revoke();
  await clock.advance(60);
  t.is((await registering).status, 403);
  t.false(adapter.users.has(ALICE));
});

test('T16: a peer that has not seen the new document learns of a removal at the next renewal', async (t) => {
  const { bench, adapter, clock } = await setup();
  const told: string[] = [];
  adapter.users.revoked.on((aor) => told.push(aor));
  await adapter.register();
  bench.accounts.delete(ALICE);
  await clock.advance(13 * HOUR_MS);
  bench.revokedUsers = new Map([[ALICE, clock.now()]]);
  t.is((await adapter.register()).status, 403);
  t.deepEqual(told, [ALICE]);
});

test('T16: a user created anew registers, although the revocation of his name still stands', async (t) => {
  const { bench, adapter, clock } = await setup();
  const since = clock.now();
  bench.revokedUsers = new Map([[ALICE, since]]);
  await clock.advance(5000);
  t.is((await adapter.register()).result, 'ok');
  adapter.users.revokeAll(bench.revokedUsers);
  t.true(adapter.users.has(ALICE));
});

test('a caller whose HA1 is not known here counts as a stranger, one with a wrong password is challenged', async (t) => {
  const { adapter } = await setup();
  t.is((await adapter.send(undefined, BOB, 'INVITE')).status, 407);
  t.is((await adapter.register({ aor: BOB, method: 'INVITE' })).result, 'unproved');
  await adapter.register();
  t.is((await adapter.register({ method: 'INVITE', password: 'guess' })).status, 407);
});

test('100 phones that wake at once are all registered within 5 s, in a dozen requests', async (t) => {
  const { bench, adapter, clock } = await setup();
  adapter.http.latencyMs = 200;
  const before = adapter.http.requests;
  const aors = Array.from({ length: 100 }, (_, i) => `user${i}@example.org`);
  for (const aor of aors) bench.accounts.set(aor, new TestAccount(aor));
  const registering = Promise.all(aors.map((aor) => adapter.register({ aor })));
  await clock.advance(4_900);
  const results = await registering;
  t.true(results.every(({ result }) => result === 'ok'));
  t.true(adapter.http.requests - before <= 12, `${adapter.http.requests - before} requests`);
});

test('A22: 600 phones that wait when the enrollment server falls silent are answered after one time-out', async (t) => {
  const { adapter, clock } = await setup();
  const aors = Array.from({ length: 600 }, (_, i) => `user${i}@example.org`);
  const answers: number[] = [];
  const proofs = await Promise.all(
    aors.map(async (aor, i) => ({
      aor,
      proof: credentials({ username: `user${i}`, nonce: (await adapter.send(undefined, aor)).nonce }),
    })),
  );
  adapter.http.latencyMs = 6_000;
  adapter.http.isDown = true;
  const sending = proofs.map(async ({ aor, proof }) => {
    const { status } = await adapter.send(proof, aor);
    answers.push(status ?? 0);
  });
  await clock.advance(3_100);
  t.is(answers.length, 600);
  t.deepEqual(new Set(answers), new Set([504]));
  t.false(adapter.judge.reachable);
  await Promise.all(sending);
});

test('a peer that is no adapter tells its operator, and answers 504; once it is one, it registers phones', async (t) => {
  const bench = new EnrollmentBench();
  const adapter = new AdapterBench(bench, { name: 'plain@example.org', node: '3'.repeat(32) });
  await bench.clock.advance(1000);
  t.is((await adapter.register()).status, 504);
  t.regex(String(adapter.notes.lines[0]?.message), /no adapter flag/);
  bench.accounts.set(
    'plain@example.org',
    new TestAccount('plain@example.org', { adapter: true, nodeIds: ['3'.repeat(32)] }),
  );
  await bench.clock.advance(90_000);
  t.is((await adapter.register()).result, 'ok');
});

test('the clock of an adapter may be wrong: its nonces follow the clock of the enrollment server', async (t) => {
  const bench = new EnrollmentBench();
  const behind = new VirtualClock({ startMs: bench.clock.now() - 2 * HOUR_MS });
  const adapter = new AdapterBench(bench, { clock: behind });
  await behind.advance(1000);
  await bench.clock.advance(1000);
  t.is((await adapter.register()).result, 'ok');
});

test('the clock of the enrollment server is set: the second challenge is one that it takes', async (t) => {
  const bench = new EnrollmentBench();
  const clock = new VirtualClock({ startMs: bench.clock.now() });
  const adapter = new AdapterBench(bench, { clock });
  await clock.advance(1000);
  await bench.clock.advance(HOUR_MS);
  t.is((await adapter.send(credentials({ nonce: (await adapter.send()).nonce }))).result, 'stale');
  t.is((await adapter.send(credentials({ nonce: (await adapter.send()).nonce }))).result, 'ok');
});

test('T2: a user registers at any adapter peer, at each with a certificate for that peer', async (t) => {
  const { bench, adapter, clock } = await setup();
  const other = new AdapterBench(bench, { name: 'gw2@example.org', node: GW2, keyType: 'rsa' });
  await clock.advance(1000);
  t.is((await adapter.register()).result, 'ok');
  t.is((await other.register()).result, 'ok');
  t.is((await other.judge.registrationOf(ALICE)).nodeId, GW2);
  const { nonce } = await adapter.send();
  t.is((await other.send(credentials({ nonce }))).result, 'stale', "a nonce of another peer's");
});

test('an oversized response is wrong here already, and long ones share no request with too many others', async (t) => {
  const { adapter } = await setup();
  const { nonce } = await adapter.send();
  const asked = adapter.http.requests;
  t.is((await adapter.send(`${credentials({ nonce })}, x="${'a'.repeat(2048)}"`)).result, 'wrong');
  t.is(adapter.http.requests, asked);
  adapter.http.latencyMs = 100;
  const sending = Promise.all(
    Array.from({ length: 80 }, () => adapter.send(`${credentials({ nonce })}, x="${'\x80'.repeat(1500)}"`)),
  );
  await adapter.clock.advance(4000);
  const results = (await sending).map(({ result }) => result);
  t.is(results.filter((result) => result === 'ok').length, 1);
  t.is(results.filter((result) => result === 'stale').length, 79);
  t.true(adapter.judge.reachable);
});

test('T2: a peer whose key was replaced knows its users still, and gets new certificates as they register', async (t) => {
  const { bench, adapter, clock } = await setup();
  await adapter.register();
  adapter.identity = bench.identity('gw1@example.org', GW1);
  adapter.restart();
  await clock.advance(1000);
  await t.throwsAsync(adapter.judge.registrationOf(ALICE), { code: 'no-registration-certificate' });
  t.is((await adapter.register()).result, 'ok');
  const { certificate } = await adapter.judge.registrationOf(ALICE);
  t.true(certificate.publicKey.equals(adapter.identity.certificate.publicKey));
});

test('a phone that comes before the first keys have come is not sent away: it waits for them', async (t) => {
  const bench = new EnrollmentBench();
  const adapter = new AdapterBench(bench);
  adapter.http.latencyMs = 500;
  adapter.restart();
  const challenged = adapter.send();
  await bench.clock.advance(1000);
  const { nonce } = await challenged;
  const registering = adapter.send(credentials({ nonce }));
  await bench.clock.advance(1000);
  t.is((await registering).result, 'ok', 'the first challenge served already');

  adapter.http.isDown = true;
  adapter.restart();
  const refused = adapter.register({ aor: BOB });
  await bench.clock.advance(3000);
  t.is((await refused).status, 504);
});
