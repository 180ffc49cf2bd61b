import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';
import { TemporaryGruus } from '../../../../src/sip/registrar/temporary-gruus.ts';

const NODE = '0123456789abcdef0123456789abcdef';
const key = new Uint8Array(16).fill(7);
const alice = { aor: 'alice@example.org', series: 0xfedcba987654 };

function gruus(seed = 1, options: Partial<{ key: Uint8Array; nodeHex: string }> = {}) {
  return new TemporaryGruus({ random: new SeededRandom(seed) }, { key, nodeHex: NODE, ...options });
}

test('RFC 5627 §3.1.2: the peer that gave it reads whose it is, after a restart too; others read which peer', (t) => {
  const user = gruus().make(alice);
  t.deepEqual(gruus(2).open(user), alice);
  t.is(TemporaryGruus.nodeOf(user), NODE);
  t.is(gruus(1, { key: new Uint8Array(16).fill(8) }).open(user), undefined);
  t.is(gruus(1, { nodeHex: NODE.replace('0', 'f') }).open(user), undefined);
});

test('RFC 5627 §5.1: no two are alike, and nothing shows that two are for the same phone', (t) => {
  const ours = gruus();
  const hers = [ours.make(alice), ours.make(alice)];
  const his = ours.make({ aor: 'robert.o-malley@example.org', series: 1 });
  t.not(hers[0], hers[1]);
  t.is(his.length, hers[0]!.length, 'names of usual length give GRUUs of one length');
  // What they have in common is the Node-ID.
  const bytes = [...hers, his].map((user) => Buffer.from(user.slice('tgruu.'.length), 'base64url'));
  for (const one of bytes) t.false(one.toString('latin1').includes('alice'));
  const alike = (a: Buffer, b: Buffer) => a.subarray(16).filter((byte, at) => byte === b[16 + at]).length;
  t.true(alike(bytes[0]!, bytes[1]!) < 8);
});

test('RFC 3261 §25.1: it stands in a URI as it is', (t) => {
  const user = gruus().make(alice);
  t.is(parseUri(`sip:${user}@example.org;gr`).user, user);
  t.true(user.length <= 134);
});

test('a long AoR is taken whole', (t) => {
  const long = { aor: `${'x'.repeat(400)}@example.org`, series: 0 };
  t.deepEqual(gruus().open(gruus().make(long)), long);
});

test('changed, cut and invented ones are refused', (t) => {
  const user = gruus().make(alice);
  const flipped = user.slice(0, 60) + (user[60] === 'A' ? 'B' : 'A') + user.slice(61);
  for (const forged of [flipped, user.slice(0, -4), `${user}AAAA`, 'tgruu.', 'tgruu.AAAA', 'alice', '']) {
    t.is(gruus().open(forged), undefined, forged);
  }
  t.is(TemporaryGruus.nodeOf('tgruu.AAAA'), undefined);
});
