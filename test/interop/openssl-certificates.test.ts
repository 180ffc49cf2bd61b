import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { concatBytes, utf8 } from '../../src/base/index.ts';
import { signerIdentity } from '../../src/reload/messages/signature.ts';
import { saveIdentity } from '../../src/reload/security/identity.ts';
import { messageSignatureParts } from '../../src/reload/security/signature.ts';
import { userResource } from '../../src/reload/storage/access-policy.ts';
import { encodeWhole } from '../../src/reload/wire/codec.ts';
import { requirePrograms } from '../support/programs.ts';
import { OVERLAY, testOverlay } from '../unit/reload/security/support.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-openssl-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

function openssl(args: readonly string[], input?: Uint8Array): string {
  return execFileSync('openssl', args, { input: input ?? '', encoding: 'utf8', stdio: 'pipe' });
}

function file(name: string, content: string | Uint8Array): string {
  const at = path.join(directory, name);
  writeFileSync(at, content);
  return at;
}

for (const keyType of ['ec', 'rsa'] as const) {
  test(`B32 T11: openssl reads and verifies our certificates (${keyType})`, (t) => {
    if (!requirePrograms(t, 'openssl')) return;
    const own = testOverlay().identity(keyType);
    for (const [name, identity] of [
      ['peer', own],
      ['registration', own.registration('alice@example.org')],
    ] as const) {
      const pem = file(`${keyType}-${name}.pem`, saveIdentity(identity).certificate);
      const text = openssl(['x509', '-in', pem, '-noout', '-subject', '-ext', 'subjectAltName', '-text']);
      t.regex(text, /subject=\s*\n/);
      t.true(text.includes(`URI:reload://0110${own.nodeId}@${OVERLAY}/, email:${identity.userName}`), text);
      t.regex(text, /Subject Alternative Name: critical/);
      const at = String(testOverlay().clock.now() / 1000);
      const verdict = openssl(['verify', '-attime', at, '-check_ss_sig', '-CAfile', pem, pem]);
      t.is(verdict.trim(), `${pem}: OK`);
    }
  });

  test(`B9: openssl verifies a message signature of ours (${keyType})`, (t) => {
    if (!requirePrograms(t, 'openssl')) return;
    const own = testOverlay().identity(keyType);
    const parts = messageSignatureParts(1, 2n, utf8('contents'));
    const { value, identity } = own.signer.sign(parts);
    const key = file(
      `${keyType}-key.pem`,
      own.certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    );
    const signature = file(`${keyType}-signature`, value);
    const input = concatBytes(...parts, encodeWhole(signerIdentity, identity));
    const verdict = openssl(['dgst', '-sha256', '-verify', key, '-signature', signature], input);
    t.is(verdict.trim(), 'Verified OK');
  });
}

test('A25: 20 Resource-IDs equal the SHA-1 that openssl computes, cut to 128 bits', (t) => {
  if (!requirePrograms(t, 'openssl')) return;
  for (let i = 0; i < 20; i++) {
    const aor = `user${i}${'x'.repeat(i * 7)}@example.org`;
    const digest = openssl(['dgst', '-sha1', '-r'], utf8(aor));
    t.is(userResource(aor), digest.slice(0, 32));
  }
});
