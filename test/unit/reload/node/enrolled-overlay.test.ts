import test from 'ava';
import { Authority } from '../document/support.ts';
import { enrolledOverlay } from './enrolled-support.ts';

test('B31: an overlay with a root-cert works with enrolled certificates, and with no others', async (t) => {
  const { overlay, authority, enroll, bytes, grow } = enrolledOverlay(101);
  const document = overlay.read(bytes(1));
  await grow(4, document);
  t.deepEqual(overlay.faults(), []);
  for (let i = 0; i < 8; i++) await overlay.register(overlay.peers[i % 4]!, `user${i}`, `at ${i}`);
  for (let i = 0; i < 8; i++) {
    t.deepEqual(await overlay.lookup(overlay.peers[(i + 1) % 4]!, `user${i}`), [`at ${i}`]);
  }
  t.throws(() => overlay.makeWith(document), { code: 'not-welcome', message: /issued by no root-cert/ });
  // Nodes that have made a document for themselves.
  const other = new Authority();
  const forged = {
    rootCertificates: [authority.root, other.root],
    selfSignedPermitted: { digest: 'sha256' },
  } as const;
  const own = overlay.read(bytes(1, forged));
  const strangers = [overlay.makeWith(own), overlay.makeWith(own, { identity: enroll(other) })];
  for (const stranger of strangers) {
    const started = stranger.node.start();
    await overlay.clock.advance(20_000);
    t.is(stranger.node.state, 'joining');
    await overlay.clock.runUntil(stranger.node.stop());
    await started.catch(() => {});
  }
  await overlay.stopAll();
});

test('B31: a second root-cert is rolled out; nodes of the new root join those of the old one', async (t) => {
  const { overlay, authority, enroll, bytes, grow } = enrolledOverlay(102);
  await grow(3, overlay.read(bytes(1)));
  const renewed = new Authority('The next root');
  const both = bytes(2, { rootCertificates: [authority.root, renewed.root] });
  await overlay.sendDocumentAs(enroll(), both, overlay.peers[1]!);
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.sequences(), [2, 2, 2]);
  await overlay.start(overlay.makeWith(overlay.read(both), { identity: enroll(renewed) }));
  await overlay.clock.advance(3_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.register(overlay.peers[3]!, 'alice', 'x');
  t.deepEqual(await overlay.lookup(overlay.peers[0]!, 'alice'), ['x']);
  await overlay.stopAll();
});

test('T16: a revoked user is refused everywhere, with a certificate issued later is not', async (t) => {
  const { overlay, enroll, bytes, grow } = enrolledOverlay(103);
  await grow(3, overlay.read(bytes(1)));
  const [peer] = overlay.peers;
  const aor = `alice@${overlay.document.name}`;
  await overlay.register(peer!, 'alice', 'before');
  const revokedUsers = new Map([[aor, overlay.clock.now()]]);
  await overlay.sendDocumentAs(enroll(), bytes(2, { revokedUsers }), peer!);
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.sequences(), [2, 2, 2]);
  // The certificates that `register` makes are dated back by a day.
  t.deepEqual(await overlay.lookup(overlay.peers[2]!, 'alice'), []);
  await t.throwsAsync(overlay.register(peer!, 'alice', 'after'), { message: /Forbidden|no answer/ });
  await overlay.register(peer!, 'bob', 'x');
  t.deepEqual(await overlay.lookup(overlay.peers[1]!, 'bob'), ['x']);
  await overlay.stopAll();
});
