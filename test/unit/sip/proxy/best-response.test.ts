import test from 'ava';
import { chooseBest, withAllChallenges } from '../../../../src/sip/proxy/best-response.ts';
import { answer } from '../registrar/messages.ts';

const best = (statuses: number[], cancelled = false) =>
  chooseBest(
    statuses.map((status) => ({ status, response: undefined })),
    cancelled,
  )?.status;

test('§16.7 step 6: 6xx, then the lowest class', (t) => {
  t.is(best([503, 486, 603]), 603);
  t.is(best([503, 404, 302]), 302);
  t.is(best([500, 486]), 486);
  t.is(best([503, 407, 501, 404]), 407, "the RFC's own example");
  t.is(best([]), undefined);
});

test('§16.7 step 6: within 4xx, challenges, then what affects resubmission, then busy, time-outs last', (t) => {
  t.is(best([486, 415, 401]), 401);
  t.is(best([486, 420]), 420);
  t.is(best([404, 486, 480]), 486);
  t.is(best([408, 480]), 480);
  t.is(best([430, 408, 404]), 404);
  t.is(best([480, 404]), 480, 'the first of equals');
});

test('§16.7 step 6: a 503 gives way to any other 5xx', (t) => {
  t.is(best([503, 500]), 500);
  t.is(best([503]), 503);
});

test('a cancelled call ends in 487 unless somebody declined for all', (t) => {
  t.is(best([486, 487], true), 487);
  t.is(best([603, 487], true), 603);
  t.is(best([487, 486]), 486);
});

test('§16.7 step 7: the chosen response itself is not changed', (t) => {
  const chosen = answer(407, 'Proxy-Authenticate: Digest realm="a"');
  const other = answer(407, 'Proxy-Authenticate: Digest realm="b"');
  const merged = withAllChallenges(chosen, [
    { status: 407, response: chosen },
    { status: 407, response: other },
    { status: 401, response: undefined },
  ]);
  t.deepEqual(merged.headers('Proxy-Authenticate'), ['Digest realm="a"', 'Digest realm="b"']);
  t.deepEqual(chosen.headers('Proxy-Authenticate'), ['Digest realm="a"']);
  t.is(withAllChallenges(chosen, [{ status: 407, response: chosen }]), chosen);
});
