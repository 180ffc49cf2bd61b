import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { revocationOf } from '../../../../src/reload/document/document-trust.ts';
import type { KindRecord } from '../../../../src/reload/storage/kind-record.ts';
import { dropRevoked, type RevocableRecords } from '../../../../src/reload/storage/revoked-values.ts';
import type { StoredElement } from '../../../../src/reload/storage/stored-element.ts';
import { Authority } from '../document/support.ts';

const authority = new Authority();
const alice = authority.enroll({ userName: 'alice@doc.example.org' }).certificate;
const bob = authority.enroll({ userName: 'bob@doc.example.org' }).certificate;

/** Records of one Kind, one value each, signed in turn by Alice and Bob. */
function records(count: number) {
  const certificates = new Map([alice, bob].map((one) => [one.fingerprint, one.der]));
  const element = (i: number): StoredElement => ({
    ...{ place: '', exists: true, storageTime: 1, expiresAt: 2, transactionId: undefined },
    data: new Uint8Array(0),
    signer: (i % 2 === 0 ? alice : bob).fingerprint,
  });
  const held = new Map<string, KindRecord>();
  for (let i = 0; i < count; i++) held.set(`${i}`, { kind: 1, generation: 7, elements: [element(i)] });
  let read = 0;
  const table: RevocableRecords = {
    signers: () => [...certificates.keys()],
    certificate: (fingerprint) => certificates.get(fingerprint),
    resources: () => [...held.keys()],
    kindsAt: () => [1],
    record: (resource) => {
      read++;
      return held.get(resource)!;
    },
    put: async (resource, [record]) => {
      held.set(resource, record!);
    },
  };
  return { table, held, reads: () => read };
}

const revoking = (changes: Partial<Parameters<typeof revocationOf>[0]>) => {
  const document = { badNodes: new Set<string>(), revokedUsers: new Map<string, number>(), ...changes };
  return (certificate: Parameters<typeof revocationOf>[1]) =>
    revocationOf(document, certificate) !== undefined;
};

test('T16: the values of a revoked user go, those of others stay, and the counter stays as it was', async (t) => {
  const clock = new VirtualClock();
  const { table, held } = records(2_001);
  const isRevoked = revoking({ revokedUsers: new Map([['alice@doc.example.org', alice.notBefore + 1]]) });
  t.is(await clock.runUntil(dropRevoked(clock, table, isRevoked)), 1_001);
  t.deepEqual(held.get('0'), { kind: 1, generation: 7, elements: [] });
  t.is(held.get('1')?.elements.length, 1);
});

test('T16: a certificate issued since is good; with nothing to revoke no record is read', async (t) => {
  const clock = new VirtualClock();
  const { table, reads } = records(100);
  const isRevoked = revoking({ revokedUsers: new Map([['alice@doc.example.org', alice.notBefore]]) });
  t.is(await clock.runUntil(dropRevoked(clock, table, isRevoked)), 0);
  t.is(reads(), 0);
});

test('B31: the values of a bad-node go, whoever their user is', async (t) => {
  const clock = new VirtualClock();
  const { table, held } = records(4);
  const isRevoked = revoking({ badNodes: new Set([bob.nodeIds[0]!]) });
  t.is(await clock.runUntil(dropRevoked(clock, table, isRevoked)), 2);
  t.deepEqual(
    [...held.values()].map(({ elements }) => elements.length),
    [1, 0, 1, 0],
  );
});
