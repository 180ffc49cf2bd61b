import test from 'ava';
import { fromUtf8, utf8 } from '../../../../src/base/index.ts';
import {
  decodeKeys,
  decodeResults,
  encodeProofs,
  MAX_PROOFS,
} from '../../../../src/p2psip/enrollment/registration-protocol.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { credentials } from '../../../support/digest.ts';
import { ALICE, BOB, EnrollmentBench, GW1, GW2, OVERLAY } from './support.ts';

const HOUR_MS = 3_600_000;

function setup() {
  const bench = new EnrollmentBench();
  const gw1 = bench.identity('gw1@example.org', GW1);
  return { bench, gw1, accounts: bench.accounts };
}

test("T2: the phone's digest response gets its user's registration certificate, for the adapter's key and Node-ID", async (t) => {
  const { bench, gw1 } = setup();
  const authorization = credentials({ nonce: await bench.nonce(gw1) });
  const response = await bench.answer(gw1.certificate.der, {
    body: encodeProofs([{ aor: ALICE, authorization }]),
  });
  const [result] = decodeResults(response.body);
  if (result?.verdict !== 'right') return t.fail(String(result?.verdict));
  const certificate = Certificate.parse(result.certificate);
  t.deepEqual(certificate.nodeIds, [GW1]);
  t.deepEqual(certificate.userNames, [ALICE]);
  t.true(certificate.publicKey.equals(gw1.certificate.publicKey));
  t.notThrows(() => bench.certificates.verify(result.certificate), 'the overlay takes it');
  t.true(certificate.notAfter - bench.clock.now() <= 24 * HOUR_MS);
  t.is(result.ha1, bench.accounts.get(ALICE)!.ha1.user.md5);
  t.is(response.headers.get('cache-control'), 'no-store');
});

test('T2: without the flag, without a certificate, or with one of somebody else, an adapter gets nothing; logged', async (t) => {
  const { bench, gw1 } = setup();
  const authorization = credentials({ nonce: await bench.nonce(gw1) });
  const ask = { body: encodeProofs([{ aor: ALICE, authorization }]) };
  const refused = async (der: Uint8Array | undefined) => {
    const { status, body } = await bench.answer(der, ask);
    return `${status} ${fromUtf8(body).trim()}`;
  };
  t.is(await refused(undefined), '401 certificate_required');
  const plain = bench.identity('plain@example.org', '3'.repeat(32));
  t.is(await refused(plain.certificate.der), '403 not_an_adapter');
  const foreign = new EnrollmentBench().identity('gw1@example.org', GW1);
  t.is(await refused(foreign.certificate.der), '403 certificate_refused');
  // The registration certificate of a user is no adapter's, nor is another Node-ID of an adapter's account.
  t.is(await refused(bench.identity(ALICE, GW1).certificate.der), '403 not_an_adapter');
  t.is(await refused(bench.identity('gw1@example.org', GW2).certificate.der), '403 not_an_adapter');
  bench.accounts.delete('gw1@example.org');
  t.is(await refused(gw1.certificate.der), '403 not_an_adapter');
  t.is(bench.notes.lines.length, 6);
  const keys = await bench.answer(plain.certificate.der, { method: 'GET', path: '/p2psip/adapter-key' });
  t.is(keys.status, 403, 'nor the keys');
  for (let i = 0; i < 20; i += 1) await bench.answer(undefined, ask);
  t.is(bench.notes.lines.length, 10, 'strangers cannot fill the log');
});

test('T2: no certificate without the digest response of that very user: each reason refused and logged', async (t) => {
  const { bench, gw1 } = setup();
  const nonce = await bench.nonce(gw1);
  const gw2 = bench.identity('gw2@example.org', GW2);
  const cases: [string, string, string, string][] = [
    ['wrong', 'malformed', 'Basic YWxpY2U6c2VjcmV0', ALICE],
    ['wrong', 'wrong', credentials({ nonce, password: 'guess' }), ALICE],
    ['wrong', 'wrong', credentials({ nonce, method: 'INVITE' }), ALICE],
    ['wrong', 'foreign-realm', credentials({ nonce, realm: 'other.example' }), ALICE],
    ['wrong', 'other-user', credentials({ nonce }), BOB],
    ['wrong', 'unknown-user', credentials({ nonce, username: 'nobody' }), `nobody@${OVERLAY}`],
    ['stale', 'foreign-nonce', credentials({ nonce: await bench.nonce(gw2) }), ALICE],
    ['stale', 'foreign-nonce', credentials({ nonce: await bench.nonce(gw2, { issuer: GW1 }) }), ALICE],
    ['stale', 'foreign-nonce', credentials({ nonce: 'made-up' }), ALICE],
    [
      'stale',
      'stale',
      credentials({ nonce: await bench.nonce(gw1, { time: bench.clock.now() + 6_000 }) }),
      ALICE,
    ],
  ];
  for (const [verdict, reason, authorization, aor] of cases) {
    t.is(await bench.prove(gw1, authorization, aor), verdict, reason);
    t.is(bench.notes.reasons.at(-1), reason);
  }
});

test('T2: a replayed, a stale and an older response than the server itself are refused and logged', async (t) => {
  const { bench, gw1 } = setup();
  const nonce = await bench.nonce(gw1);
  t.is(await bench.prove(gw1, credentials({ nonce })), 'right');
  t.is(await bench.prove(gw1, credentials({ nonce })), 'stale');
  t.is(bench.notes.reasons.at(-1), 'replayed');
  t.is(await bench.prove(gw1, credentials({ nonce, nc: 2 })), 'right', 'the next count is another proof');
  await bench.clock.advance(60_000);
  t.is(await bench.prove(gw1, credentials({ nonce, nc: 2 })), 'stale', 'still remembered at its last moment');
  t.is(bench.notes.reasons.at(-1), 'replayed');
  await bench.clock.advance(1);
  t.is(await bench.prove(gw1, credentials({ nonce, nc: 3 })), 'stale');
  t.is(bench.notes.reasons.at(-1), 'stale');

  const fresh = await bench.nonce(gw1, { serial: 2 });
  await bench.clock.advance(1000);
  bench.startServer();
  t.is(
    await bench.prove(gw1, credentials({ nonce: fresh })),
    'stale',
    'what was used before the start is not known',
  );
});

test('T2: nonce keys are those of one adapter, and rotate', async (t) => {
  const { bench, gw1 } = setup();
  const gw2 = bench.identity('gw2@example.org', GW2);
  const keysOf = async (identity: typeof gw1) =>
    decodeKeys(
      (await bench.answer(identity.certificate.der, { method: 'GET', path: '/p2psip/adapter-key' })).body,
    );
  const before = await keysOf(gw1);
  t.is(before.node, GW1);
  t.is(before.keys.length, 2);
  t.true(before.keys[0]!.from <= bench.clock.now() && bench.clock.now() < before.keys[0]!.until);
  t.notDeepEqual((await keysOf(gw2)).keys[0]!.key, before.keys[0]!.key);
  await bench.clock.advance(6 * HOUR_MS);
  const after = await keysOf(gw1);
  t.deepEqual(after.keys[0], before.keys[1], 'the next key was known before');
  t.is(await bench.prove(gw1, credentials({ nonce: await bench.nonce(gw1) })), 'right');
});

test('T16: a removed user gets nothing; created anew, a certificate that begins after the revocation', async (t) => {
  const { bench, gw1, accounts } = setup();
  const since = bench.clock.now() - 1500;
  const alice = accounts.get(ALICE)!;
  accounts.delete(ALICE);
  bench.revokedUsers = new Map([[ALICE, since]]);
  t.is(await bench.prove(gw1, credentials({ nonce: await bench.nonce(gw1) })), 'removed');
  t.is(bench.notes.reasons.at(-1), 'removed');
  accounts.set(ALICE, alice);
  const body = encodeProofs([{ aor: ALICE, authorization: credentials({ nonce: await bench.nonce(gw1) }) }]);
  const [result] = decodeResults((await bench.answer(gw1.certificate.der, { body })).body);
  if (result?.verdict !== 'right') return t.fail(String(result?.verdict));
  t.true(Certificate.parse(result.certificate).notBefore >= since);
});

test('wrong answers for one user are slowed down, right ones for others are not', async (t) => {
  const { bench, gw1 } = setup();
  const nonce = await bench.nonce(gw1);
  const guess = async () => await bench.prove(gw1, credentials({ nonce, password: 'guess' }));
  for (let i = 0; i < 10; i += 1) t.is(await guess(), 'wrong');
  t.is(await guess(), 'busy');
  t.is(bench.notes.reasons.at(-1), 'too-many-wrong');
  t.is(
    await bench.prove(gw1, credentials({ nonce })),
    'busy',
    'not even the right one tells a guesser anything',
  );
  t.is(await bench.prove(gw1, credentials({ nonce, username: 'bob' }), BOB), 'right');
  await bench.clock.advance(10_000);
  t.is(await bench.prove(gw1, credentials({ nonce: await bench.nonce(gw1, { serial: 2 }) })), 'right');
});

test('T2: who guesses a password locks himself out, not the user, who is elsewhere; all sources together are bounded', async (t) => {
  const { bench, gw1 } = setup();
  const nonce = await bench.nonce(gw1);
  const guess = (source: string) =>
    bench.prove(gw1, credentials({ nonce, password: 'guess' }), ALICE, source);
  for (let i = 0; i < 10; i += 1) t.is(await guess('guesser'), 'wrong');
  t.is(await guess('guesser'), 'busy');
  t.is(await bench.prove(gw1, credentials({ nonce }), ALICE, 'guesser'), 'busy');
  t.is(await bench.prove(gw1, credentials({ nonce }), ALICE, 'phone'), 'right');
  for (let i = 0; i < 90; i += 1) t.is(await guess(`another ${i}`), 'wrong');
  t.is(await guess('the 101st'), 'busy');
});

test('proofs made up by somebody who reaches an adapter peer cannot fill the log; all of them are counted', async (t) => {
  const bench = new EnrollmentBench();
  const gw1 = bench.identity('gw1@example.org', GW1);
  const authorization = credentials({ nonce: await bench.nonce(gw1), password: 'guess' });
  for (let n = 0; n < 300; n++) await bench.prove(gw1, authorization, ALICE);
  t.is(bench.notes.lines.length, 200);
  const gw2 = bench.identity('gw2@example.org', GW2);
  await bench.prove(gw2, credentials({ nonce: await bench.nonce(gw2), password: 'guess' }), ALICE);
  t.is(bench.notes.lines.length, 201, 'what others bring is logged all the same');
});

test('malformed, oversized and misdirected requests get their defined answers', async (t) => {
  const { bench, gw1 } = setup();
  const { der } = gw1.certificate;
  const proof = { aor: ALICE, authorization: 'x' };
  for (const body of [
    utf8('nonsense'),
    utf8('[]'),
    utf8('{"proofs":[{"aor":1,"authorization":"x"}]}'),
    encodeProofs([{ ...proof, aor: 'a'.repeat(255) }]),
    encodeProofs([{ ...proof, authorization: 'a'.repeat(2049) }]),
    encodeProofs(Array.from({ length: MAX_PROOFS + 1 }, () => proof)),
  ]) {
    t.is((await bench.answer(der, { body })).status, 400);
  }
  t.is(
    (await bench.answer(der, { body: encodeProofs(Array.from({ length: MAX_PROOFS }, () => proof)) })).status,
    200,
  );
  const wrongMethod = await bench.answer(der, { method: 'GET' });
  t.is(wrongMethod.status, 405);
  t.is(wrongMethod.headers.get('allow'), 'POST');
});
