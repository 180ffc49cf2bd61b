import test from 'ava';
import { resourceIdOf, resourceIdOfNode } from '../../../../../src/reload/usages/sip/resource-name.ts';

/** Computed with `printf %s AOR | openssl dgst -sha1`, cut after 32 digits. */
const VECTORS: readonly (readonly [aor: string, resourceId: string])[] = [
  ['alice@example.org', '45a6b241a242c97f0492d382c390dfa3'],
  ['Alice@example.org', '9a54fb24c0a9407ef88063c5cc036594'],
  ['bob@example.org', '97ec78b292ab06a5b64d5cc50140b2a3'],
  ['carol.smith@example.org', 'e909282f1800502b3ee35466c8ccb6ce'],
  ['+49301234567@example.org', 'd7db22795026ebec4fac79cfae65c42a'],
  ['100@pbx.example.net', 'ed621b365f352d628663f4c184459b86'],
  ['a@b.c', 'e2d6a40c8b4d3e6a2779ba1802ef29d1'],
  ['dave%home@example.org', '3bbada461854b3ea40f821adadbc03ec'],
  ['sip@example.org', 'b43007ee65db367311785d59b4f2317e'],
  ['erin@sub.domain.example.org', '77111435b4a152a694e16784e9ea5237'],
  ['alice@overlay.example.org', '6df379fb05075b13ada5f9d9ae9fbaa0'],
  ['frank_1@example.org', '9bcbc4727dbd6402c2b2f8283e8bfa7a'],
  ["o'neil@example.org", 'dc71d226868098a931b628610bdbc36b'],
  ['g-h@example.org', '1ac1dc2c94e10ba4eaf862e5d84e40e0'],
  ['ivan@xn--bcher-kva.example', '0747612b5d3db09915e52ecc94f0dbc3'],
  ['judy@192.0.2.1', '99bc626ffc391554237f4357dc7526eb'],
  ['ken@[2001:db8::1]', '901255c312c1b2ca922092659f7828d7'],
  ['voicemail@example.org', 'f26322560560df8592737e3c870a5df8'],
  ['lena@EXAMPLE.org', '69d7eb8b4e9a51f6c3c7ff14111a6c6b'],
  [`${'x'.repeat(200)}@example.org`, 'fd54ef5d779b122a9fdd6ca53daba9bb'],
];

test('A25: Resource-IDs of 20 AoRs equal what openssl computes', (t) => {
  t.is(VECTORS.length, 20);
  for (const [aor, resourceId] of VECTORS) t.is(resourceIdOf(aor), resourceId, aor);
});

test('T4: an AoR with a scheme is a mistake', (t) => {
  t.throws(() => resourceIdOf('sip:alice@example.org'), { code: 'bad-aor' });
  t.throws(() => resourceIdOf('SIPS:alice@example.org'), { code: 'bad-aor' });
});

test('B20: NODE-MATCH resources are the hash of the Node-ID bytes', (t) => {
  // printf '\x01%.0s' {1..16} | openssl dgst -sha1
  t.is(resourceIdOfNode('01'.repeat(16)), NODE_ONE);
  t.throws(() => resourceIdOfNode('no hex'), { code: 'bad-node-id' });
});

const NODE_ONE = '345c0e97987b1f4e1be38ee1678a5f10';
