import { MemoryKeyValueStore, silentLogger } from '../../../src/base/index.ts';
import { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../../src/net/index.ts';
import { Kind } from '../../../src/reload/document/kinds.ts';
import { builtInDocument } from '../../../src/reload/document/overlay-document.ts';
import { ReloadNode } from '../../../src/reload/node/reload-node.ts';
import { createSelfSignedIdentity } from '../../../src/reload/security/identity.ts';
import { SelfSignedTrust } from '../../../src/reload/security/trust-policy.ts';
import { userResource } from '../../../src/reload/storage/access-policy.ts';
import { CountingMetrics } from '../counting-metrics.ts';
import { HostileMember } from './hostile-member.ts';
import { MessageFuzzer } from './message-fuzzer.ts';
import { OVERLAY, recordSession } from './session-corpus.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const BATCH = 50;

const machine = { clock: systemClock, random: systemRandom, network: new SystemNetwork() };
const document = builtInDocument(OVERLAY);

/** A peer on loopback, the first of its overlay unless another is given. */
export function makeTlsPeer(first: ReloadNode | undefined, metrics = new CountingMetrics()) {
  const identity = createSelfSignedIdentity(machine, { overlay: OVERLAY });
  const trust = new SelfSignedTrust({ overlay: OVERLAY, digest: 'sha256', admission: { kind: 'loopback' } });
  const node = new ReloadNode(
    { ...machine, kv: new MemoryKeyValueStore(), logger: silentLogger, metrics },
    {
      document,
      identity,
      trust,
      listen: [LOOPBACK],
      bootstrap: first?.listening ?? [],
      first: first === undefined,
    },
  );
  return { node, identity, metrics };
}

/** As `fuzzNode`, on real TLS connections and the real clock. @returns the users found afterwards, of ten */
export async function fuzzOverTls(seed: number, frames: number) {
  const began = performance.now();
  const corpus = await recordSession(seed);
  const victim = makeTlsPeer(undefined);
  await victim.node.start();
  const other = makeTlsPeer(victim.node);
  await other.node.start();
  const random = new SeededRandom(seed);
  const members = [1, 2].map(
    () =>
      new HostileMember({
        ...machine,
        random,
        document,
        identity: createSelfSignedIdentity(machine, { overlay: OVERLAY }),
      }),
  );
  const others = [other.node.nodeId, ...members.map(({ nodeId }) => nodeId)];
  const fuzzer = new MessageFuzzer(random, { corpus, target: { nodeId: victim.node.nodeId, others } });
  const [address = LOOPBACK] = victim.node.listening;
  let links = 0;
  for (let sent = 0; sent < frames; sent += BATCH) {
    const member = members[(sent / BATCH) % 2]!;
    if (!member.isConnected) {
      await member.connect(address);
      links++;
    }
    member.send(...Array.from({ length: BATCH }, () => fuzzer.next(member)));
    if (sent % (40 * BATCH) === 0) member.sendRaw(random.bytes(100));
    await member.settled();
  }
  for (const member of members) member.close();
  let found = 0;
  for (let i = 0; i < 10; i++) {
    const resource = userResource(`user${i}@${OVERLAY}`);
    const value = { key: other.node.nodeId, exists: true, value: Buffer.from('here'), lifetimeS: 600 };
    const kind = Kind.SIP_REGISTRATION;
    const signer = other.identity.registration(`user${i}@${OVERLAY}`);
    await other.node.store(resource, [{ kind, values: [{ ...value, storageTime: Date.now() }] }], { signer });
    const [record] = await victim.node.fetch(resource, [{ kind }]);
    found += record?.values.length ?? 0;
  }
  const delivered = victim.metrics.value('reload_messages_delivered_total');
  const received = victim.metrics.value('reload_messages_received_total');
  await Promise.all([other.node.stop(), victim.node.stop()]);
  return { found, links, received, delivered, wallSeconds: (performance.now() - began) / 1000 };
}
