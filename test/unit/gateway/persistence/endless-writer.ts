// Child of the kill -9 tests: a peer's data directory under load. It stores signed records for ever, many at a time, and
// prints the resource and storage_time of each one that is acknowledged.
import { writeSync } from 'node:fs';
import { noMetrics, silentLogger, utf8 } from '../../../../src/base/index.ts';
import { openDataDirectory } from '../../../../src/gateway/persistence/data-directory.ts';
import { systemClock, systemRandom } from '../../../../src/net/index.ts';
import { builtInKinds, Kind } from '../../../../src/reload/document/kinds.ts';
import { CertificateStore } from '../../../../src/reload/security/certificate-store.ts';
import {
  createSelfSignedIdentity,
  loadSelfSignedIdentity,
  saveIdentity,
} from '../../../../src/reload/security/identity.ts';
import { SelfSignedTrust } from '../../../../src/reload/security/trust-policy.ts';
import { signValue } from '../../../../src/reload/security/value-signature.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { ResourceStore } from '../../../../src/reload/storage/resource-store.ts';

const USERS = 300;
const AT_ONCE = 20;
const options = { overlay: 'example.org', digest: 'sha256' } as const;

const [, , directory = ''] = process.argv;
const data = await openDataDirectory(directory, { durability: 'commit' });
const machine = { clock: systemClock, random: systemRandom };
const saved = data.loadIdentity();
const identity =
  saved === undefined
    ? createSelfSignedIdentity(machine, { ...options, keyType: 'ec' })
    : loadSelfSignedIdentity(machine, saved, options);
if (saved === undefined) data.saveIdentity(saveIdentity(identity));
const trust = new SelfSignedTrust({ ...options, admission: { kind: 'open' } });
const store = new ResourceStore(
  {
    clock: systemClock,
    kv: data.store,
    certificates: new CertificateStore({ clock: systemClock, trust }),
    logger: silentLogger,
    metrics: noMetrics,
  },
  { kinds: () => builtInKinds },
);
await store.load();
writeSync(1, `node ${identity.nodeId}\n`);

const kind = Kind.SIP_REGISTRATION;

async function storeOne(i: number): Promise<void> {
  const user = identity.registration(`user${i % USERS}@example.org`);
  const resource = userResource(user.userName);
  const storageTime = Math.max(Date.now(), store.newestAt(resource) + 1);
  // Every seventh is a removal.
  const exists = i % 7 !== 0;
  const value = {
    model: 'DICTIONARY',
    key: identity.nodeId,
    exists,
    value: utf8(exists ? 'x'.repeat(i % 300) : ''),
  } as const;
  const data = { storageTime, lifetime: 86_400, value };
  const values = [signValue(user.signer, { resource, kind }, data)];
  const { committed } = store.store(
    { resource, replicaNumber: 0, kindData: [{ kind, generation: 0, values }] },
    { signer: user.signer, certificates: [user.certificate.der] },
  );
  await committed;
  writeSync(1, `${resource} ${storageTime}\n`);
}

const start = Math.floor(systemRandom.float() * USERS);
for (let i = start; ; i += AT_ONCE) {
  await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => storeOne(i + n)));
}
