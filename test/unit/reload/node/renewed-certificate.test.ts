import { createPublicKey } from 'node:crypto';
import test from 'ava';
import { EnrolledIdentity } from '../../../../src/reload/security/enrolled-identity.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { Authority } from '../document/support.ts';
import { DocumentedOverlay } from './documented-overlay.ts';

const HOUR_MS = 3_600_000;

test('B32: certificates are renewed and the old ones expire; no link closes and no request fails', async (t) => {
  const overlay = new DocumentedOverlay(111);
  const authority = new Authority();
  const administrator = authority.enroll({ overlay: overlay.document.name });
  const changes = {
    selfSignedPermitted: undefined,
    rootCertificates: [authority.root],
    configurationSigners: new Set([administrator.nodeId]),
    kindSigners: new Set([administrator.nodeId]),
  };
  const document = overlay.read(overlay.bytes(1, changes, administrator));

  const names = { overlay: overlay.document.name };
  const enrolled: EnrolledIdentity[] = [];
  const enroll = (): Identity => {
    const own = authority.enroll({ ...names, notAfter: overlay.clock.now() + HOUR_MS });
    const identity = new EnrolledIdentity(own.privateKey, own.certificate);
    enrolled.push(identity);
    return Object.assign(identity, { registration: own.registration });
  };
  const metrics = new CountingMetrics();
  for (let i = 0; i < 4; i++) {
    await overlay.start(overlay.makeWith(document, { identity: enroll(), metrics }));
  }
  await overlay.clock.advance(HOUR_MS / 2);
  const closed = () =>
    [...metrics.entries()].filter(([name]) => name.startsWith('reload_links_closed_total')).length;
  const links = () => overlay.peers.map(({ node }) => node.ring().links.length);
  const before = links();
  const closedBefore = closed();

  for (const identity of enrolled) {
    const { nodeId, userName, privateKey } = identity;
    const notAfter = overlay.clock.now() + 24 * HOUR_MS;
    identity.renew(authority.certify(createPublicKey(privateKey), { ...names, nodeId, userName, notAfter }));
  }
  await overlay.clock.advance(2 * HOUR_MS);
  // A new document makes every link be looked at again.
  const newer = overlay.bytes(2, changes, administrator);
  await overlay.sendDocumentAs(authority.enroll(names), newer, overlay.peers[0]!);
  await overlay.clock.advance(10_000);
  t.deepEqual(overlay.sequences(), [2, 2, 2, 2]);
  t.deepEqual(overlay.faults(), []);
  t.deepEqual(links(), before);
  t.is(closed(), closedBefore);
  for (let i = 0; i < 8; i++) await overlay.register(overlay.peers[i % 4]!, `user${i}`, `at ${i}`);
  for (let i = 0; i < 8; i++) {
    t.deepEqual(await overlay.lookup(overlay.peers[(i + 1) % 4]!, `user${i}`), [`at ${i}`]);
  }
  // Who comes now meets the new certificates in every handshake.
  await overlay.start(overlay.makeWith(overlay.read(newer), { identity: enroll() }));
  await overlay.clock.advance(3_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});
