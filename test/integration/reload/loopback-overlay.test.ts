import test from 'ava';
import { MemoryKeyValueStore } from '../../../src/base/key-value-store.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { noMetrics } from '../../../src/base/metrics.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../../src/net/index.ts';
import { Kind } from '../../../src/reload/document/kinds.ts';
import { builtInDocument } from '../../../src/reload/document/overlay-document.ts';
import { toNode } from '../../../src/reload/messages/destination.ts';
import type { ReloadNodeOptions } from '../../../src/reload/node/node-options.ts';
import { ReloadNode } from '../../../src/reload/node/reload-node.ts';
import { createSelfSignedIdentity, type Identity } from '../../../src/reload/security/identity.ts';
import { SelfSignedTrust } from '../../../src/reload/security/trust-policy.ts';
import { userResource } from '../../../src/reload/storage/access-policy.ts';

const OVERLAY = 'loopback.example.org';
const machine = { clock: systemClock, random: systemRandom, network: new SystemNetwork() };

interface Peer {
  readonly node: ReloadNode;
  readonly identity: Identity;
}

function makePeer(first: boolean, bootstrap: readonly Peer[], more: Partial<ReloadNodeOptions> = {}): Peer {
  const identity = createSelfSignedIdentity(machine, { overlay: OVERLAY });
  const node = new ReloadNode(
    { ...machine, kv: new MemoryKeyValueStore(), logger: silentLogger, metrics: noMetrics },
    {
      document: builtInDocument(OVERLAY),
      identity,
      trust: new SelfSignedTrust({ overlay: OVERLAY, digest: 'sha256', admission: { kind: 'loopback' } }),
      listen: [{ host: '127.0.0.1', port: 0 }],
      bootstrap: bootstrap.flatMap((peer) => peer.node.listening),
      first,
      ...more,
    },
  );
  return { node, identity };
}

test('A2, A13, A30: five peers over real TLS join, store, fetch, connect and leave', async (t) => {
  const peers: Peer[] = [];
  for (let i = 0; i < 5; i++) {
    const peer = makePeer(i === 0, peers.slice(0, 1));
    const began = performance.now();
    await peer.node.start();
    if (i === 4) t.log(`the fifth peer joined in ${(performance.now() - began).toFixed(0)} ms`);
    peers.push(peer);
  }

  const [writer, reader] = [peers[1]!, peers[3]!];
  const aor = `alice@${OVERLAY}`;
  const value = { key: writer.node.nodeId, exists: true, value: Buffer.from('here'), lifetimeS: 600 };
  const kind = Kind.SIP_REGISTRATION;
  await writer.node.store(userResource(aor), [{ kind, values: [{ ...value, storageTime: Date.now() }] }], {
    signer: writer.identity.registration(aor),
  });
  const [found] = await reader.node.fetch(userResource(aor), [{ kind }]);
  t.is(Buffer.from(found!.values[0]!.value.value).toString(), 'here');
  t.is(found!.values[0]!.signer.certificate.userNames[0], aor);

  writer.node.onApplication(5060, (connection) =>
    connection.setHandler({ onData: (chunk) => connection.send(chunk), onClose() {} }),
  );
  const { connection } = await reader.node.openApplication([toNode(writer.node.nodeId)], 5060);
  const echo = new Promise<string>((resolve) =>
    connection.setHandler({ onData: (chunk) => resolve(chunk.toString()), onClose() {} }),
  );
  connection.send(Buffer.from('OPTIONS'));
  t.is(await echo, 'OPTIONS');
  connection.destroy();

  await peers.pop()!.node.stop();
  const [still] = await peers[0]!.node.fetch(userResource(aor), [{ kind }]);
  t.is(still!.values.length, 1);
  await Promise.all(peers.map(({ node }) => node.stop()));
});

test('B33, T17: three peers with a shared secret over real TLS, and one who guesses it', async (t) => {
  const sharedSecret = Buffer.from('the secret of three peers');
  const peers: Peer[] = [];
  for (let i = 0; i < 3; i++) {
    const peer = makePeer(i === 0, peers.slice(0, 1), { sharedSecret });
    await peer.node.start();
    peers.push(peer);
  }
  const aor = `alice@${OVERLAY}`;
  const [writer, reader] = [peers[1]!, peers[2]!];
  const value = { key: writer.node.nodeId, exists: true, value: Buffer.from('here'), lifetimeS: 600 };
  const kind = Kind.SIP_REGISTRATION;
  await writer.node.store(userResource(aor), [{ kind, values: [{ ...value, storageTime: Date.now() }] }], {
    signer: writer.identity.registration(aor),
  });
  const [found] = await reader.node.fetch(userResource(aor), [{ kind }]);
  t.is(found?.values.length, 1);
  const guess = makePeer(false, peers.slice(0, 1), { sharedSecret: Buffer.from('the secret of four peers') });
  const failed = guess.node.start(AbortSignal.timeout(1_500));
  await t.throwsAsync(failed, { any: true });
  t.is(guess.node.state, 'joining');
  await Promise.all([...peers, guess].map(({ node }) => node.stop()));
});
