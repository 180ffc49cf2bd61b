import test from 'ava';
import { Trunks } from '../../../src/p2psip/trunks.ts';

const trunks = new Trunks([
  { match: /^\+49/, to: 'sip:de.example.net:5070;transport=tcp', from: ['192.0.2.0/24'] },
  { match: /^(\+|0)/, to: 'sip:world.example.net', from: ['2001:db8::7'] },
]);

for (const [aor, uri] of [
  ['+4930123@example.org', 'sip:+4930123@de.example.net:5070;transport=tcp;user=phone'],
  ['+331234@example.org', 'sip:+331234@world.example.net;user=phone'],
  ['0301234@example.org', 'sip:0301234@world.example.net;user=phone'],
  ['112@example.org', undefined],
  ['alice@example.org', undefined],
  ['0-30@example.org', undefined],
  ['012345678901234567890123456789012@example.org', undefined],
] as const) {
  test(`A6: ${aor} goes to ${uri ?? 'no trunk'}`, (t) => {
    t.deepEqual(trunks.targetsFor(aor), uri && [{ kind: 'uri', uri, isTrusted: true }]);
  });
}

test('A6: a trunk’s calls come from its addresses alone', (t) => {
  t.truthy(trunks.sourceOf('192.0.2.77'));
  t.truthy(trunks.sourceOf('::ffff:192.0.2.77'));
  t.truthy(trunks.sourceOf('2001:db8::7'));
  t.is(trunks.sourceOf('198.51.100.1'), undefined);
  t.is(new Trunks().sourceOf('192.0.2.77'), undefined);
});

const NODES = ['0a'.repeat(16), '0b'.repeat(16)];

test('A6: a trunk at other peers: the number goes there over the overlay, to one peer after the other', (t) => {
  const elsewhere = new Trunks([{ match: /^\+/, to: NODES, from: [] }]);
  const uri = 'sip:+4930123@example.org';
  t.deepEqual(elsewhere.targetsFor('+4930123@example.org'), [
    { kind: 'peer', peer: NODES[0]!, uri, q: 1 },
    { kind: 'peer', peer: NODES[1]!, uri, q: 0.5 },
  ]);
});

test('A6: callers of other peers go out by shared trunks only, and to no third peer', (t) => {
  const mixed = new Trunks([
    { match: /^\+1/, to: NODES, from: [], isShared: true },
    { match: /^\+1/, to: 'sip:own.example.net', from: [] },
    { match: /^\+/, to: 'sip:shared.example.net', from: [], isShared: true },
  ]);
  const uri = 'sip:+1202@shared.example.net;user=phone';
  t.deepEqual(mixed.targetsFor('+1202@example.org', 'of-a-peer'), [{ kind: 'uri', uri, isTrusted: true }]);
  t.is(mixed.targetsFor('112@example.org', 'of-a-peer'), undefined);
});
