import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import { verifyNextDocument } from '../../../../src/reload/document/document-verification.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { newOverlay } from '../../../../src/reload/enrollment/new-overlay.ts';
import { nextDocument } from '../../../../src/reload/enrollment/next-document.ts';
import {
  hasOutlived,
  type Revocations,
  withRevocation,
} from '../../../../src/reload/enrollment/revocations.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { Signer } from '../../../../src/reload/security/signature.ts';
import { definitionsOf } from '../document/support.ts';

const DAY_MS = 86_400_000;
const ALICE = 'alice@example.org';

function setUp() {
  const clock = new VirtualClock();
  const random = new SeededRandom(41);
  const { document, signer } = newOverlay(
    { clock, random },
    { name: 'example.org', keyType: 'ec', enrollmentUrl: 'https://example.org/', bootstrapNodes: [] },
  );
  const certificate = Certificate.parse(signer.certificates[0]!);
  const deps = {
    clock,
    signer: new Signer({ certificate, nodeId: certificate.nodeIds[0]! }, signer.privateKey),
  };
  return { clock, deps, first: readDocument(document) };
}

test('B31 T16: the next document has the next sequence, is signed by the previous signer and says what the last one said', (t) => {
  const { deps, first, clock } = setUp();
  const badNodes = new Set(['ab'.repeat(16)]);
  const next = nextDocument(deps, first, { badNodes });
  t.notThrows(() => verifyNextDocument({ clock }, next, first));
  const said = ({ source: _source, kindBlocks: _blocks, kinds, ...rest }: OverlayDocument) => ({
    ...rest,
    kinds: definitionsOf(kinds),
  });
  t.deepEqual(said(next), { ...said(first), sequence: 2, badNodes });
});

test('B6: 65534 is followed by 0', (t) => {
  const { deps, first } = setUp();
  t.is(nextDocument(deps, { ...first, sequence: 65_533 }).sequence, 65_534);
  t.is(nextDocument(deps, { ...first, sequence: 65_534 }).sequence, 0);
});

test('B31: what does not fit the grammar is not signed', (t) => {
  const { deps, first } = setUp();
  t.throws(() => nextDocument(deps, first, { badNodes: new Set(['xyz']) }), { code: 'document-invalid' });
});

const NONE: Revocations = { users: new Map(), nodes: new Map() };
const EMPTY = { revokedUsers: new Map<string, number>(), badNodes: new Set<string>() };

test('T16: a revocation stays until the longest certificate has expired, and leaves the document then', (t) => {
  const now = 1_000 * DAY_MS;
  const node = 'cd'.repeat(16);
  const certifiedUntil = now + 20 * DAY_MS;
  const alice = { userName: ALICE, nodeIds: [node], certifiedUntil };
  const { changes, revocations } = withRevocation(EMPTY, NONE, now, alice);
  t.is(changes.revokedUsers?.get(ALICE), now);
  t.true(changes.badNodes?.has(node));
  const document = { revokedUsers: changes.revokedUsers!, badNodes: changes.badNodes! };
  t.false(hasOutlived(revocations, certifiedUntil));
  t.is(withRevocation(document, revocations, certifiedUntil).changes.revokedUsers?.size, 1);
  const later = certifiedUntil + 2 * DAY_MS;
  t.true(hasOutlived(revocations, later));
  const pruned = withRevocation(document, revocations, later);
  t.is(pruned.changes.revokedUsers?.size, 0);
  t.is(pruned.changes.badNodes?.size, 0);
  t.deepEqual(pruned.revocations, NONE);
});

test('T16: somebody who never enrolled is kept as long as registration certificates live', (t) => {
  const now = 1_000 * DAY_MS;
  const { revocations } = withRevocation(EMPTY, NONE, now, {
    userName: ALICE,
    nodeIds: [],
    certifiedUntil: 0,
  });
  t.true(revocations.users.get(ALICE)! > now + DAY_MS);
  t.true(revocations.users.get(ALICE)! < now + 3 * DAY_MS);
});

test('T16: a name revoked twice has the later time; bad nodes that an operator named stay for ever', (t) => {
  const now = 1_000 * DAY_MS;
  const bad = new Set(['ef'.repeat(16)]);
  const again = { userName: ALICE, nodeIds: [], certifiedUntil: 0 };
  const first = withRevocation({ revokedUsers: new Map(), badNodes: bad }, NONE, now, again);
  const document = { revokedUsers: first.changes.revokedUsers!, badNodes: first.changes.badNodes! };
  const second = withRevocation(document, first.revocations, now + 10, again);
  t.true(second.changes.revokedUsers!.get(ALICE)! >= now + 1_000, 'more than the second that dates have');
  const muchLater = withRevocation(document, second.revocations, now + 3_650 * DAY_MS);
  t.deepEqual(muchLater.changes.badNodes, bad);
});
