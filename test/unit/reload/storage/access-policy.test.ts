import { createHash } from 'node:crypto';
import test from 'ava';
import { domainRule, restrictKinds } from '../../../../src/reload/document/domain-restriction.ts';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import type { StoredDataValue } from '../../../../src/reload/messages/stored-data.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import {
  nodeMultipleResource,
  nodeResource,
  userResource,
} from '../../../../src/reload/storage/access-policy.ts';
import { AOR, element, entry, from, kinds, signed, single, storeReq, testStore } from './support.ts';

const target = testStore();
const { peer, alice, store } = target;
const other = target.identity();
let storageTime = 1;

/** What becomes of a Store whose value and request are signed by these. */
function attempt(
  resource: string,
  kind: number,
  value: StoredDataValue,
  signer: Identity,
  requester = signer,
) {
  storageTime += 1;
  const data = signed(signer, { resource, kind }, value, { storageTime });
  const certificates = [signer.certificate.der, requester.certificate.der];
  try {
    store.store(storeReq(resource, kind, [data]), { ...from(requester), certificates });
    return 'stored';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test('A25 B26: Resource-IDs are SHA-1 truncated to 128 bits', (t) => {
  t.is(userResource(AOR), createHash('sha1').update('alice@example.org').digest('hex').slice(0, 32));
});

test('B20 S3: USER-NODE-MATCH wants the AoR as user name and the signing Node-ID as key', (t) => {
  const kind = Kind.SIP_REGISTRATION;
  const resource = userResource(AOR);
  t.is(attempt(resource, kind, entry(peer.nodeId, 'v'), alice), 'stored');
  t.is(attempt(resource, kind, entry(other.nodeId, 'v'), alice), 'forbidden');
  t.is(attempt(userResource('bob@example.org'), kind, entry(peer.nodeId, 'v'), alice), 'forbidden');
  // T2: the StoreReq must be signed with the registration certificate too, not with the peer's own.
  t.is(attempt(resource, kind, entry(peer.nodeId, 'v'), alice, peer), 'forbidden');
  t.is(attempt(resource, kind, entry(peer.nodeId, 'v'), peer, alice), 'forbidden');
  // Another adapter peer may serve the same user, under its own key.
  t.is(attempt(resource, kind, entry(other.nodeId, 'v'), other.registration(AOR)), 'stored');
  t.is(attempt(resource, kind, entry(peer.nodeId, 'v'), other.registration(AOR)), 'forbidden');
});

test('S4: a registration is for users of admitted domains alone, though they have certificates', (t) => {
  const rule = domainRule('example.org', { enabled: true, patterns: ['my\\.example'] });
  const strict = testStore({ kinds: () => restrictKinds(kinds, rule) });
  const store = (aor: string) => {
    const [resource, kind, signer] = [
      userResource(aor),
      Kind.SIP_REGISTRATION,
      strict.peer.registration(aor),
    ];
    const data = signed(signer, { resource, kind }, entry(signer.nodeId, 'v'));
    const request = storeReq(resource, kind, [data]);
    return () => strict.store.store(request, { ...from(signer), certificates: [signer.certificate.der] });
  };
  t.notThrows(store('alice@my.example'));
  t.throws(store('alice@example.org'), { code: 'forbidden' });
});

test('B20 B24: USER-MATCH wants the user name, NODE-MATCH the hash of the Node-ID', (t) => {
  const byUser = Kind.CERTIFICATE_BY_USER;
  t.is(attempt(userResource(peer.userName), byUser, element(0, 'v'), peer), 'stored');
  t.is(attempt(userResource(other.userName), byUser, element(0, 'v'), peer), 'forbidden');
  const byNode = Kind.CERTIFICATE_BY_NODE;
  t.is(attempt(nodeResource(peer.nodeId), byNode, element(0, 'v'), peer), 'stored');
  t.is(attempt(nodeResource(peer.nodeId), byNode, element(1, 'v'), alice), 'stored');
  t.is(attempt(nodeResource(peer.nodeId), byNode, element(0, 'v'), other), 'forbidden');
  t.is(attempt(peer.nodeId, byNode, element(0, 'v'), peer), 'forbidden');
});

test('B20 B25: NODE-MULTIPLE wants H(Node-ID ‖ i) for an i up to 20', (t) => {
  const kind = Kind.TURN_SERVICE;
  for (const i of [1, 2, 20])
    t.is(attempt(nodeMultipleResource(peer.nodeId, i), kind, single('v'), peer), 'stored');
  t.is(attempt(nodeMultipleResource(peer.nodeId, 21), kind, single('v'), peer), 'forbidden');
  t.is(attempt(nodeMultipleResource(other.nodeId, 1), kind, single('v'), peer), 'forbidden');
});
