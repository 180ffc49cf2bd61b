import test from 'ava';
import type { Logger } from '../../../../src/base/logger.ts';
import { silentLogger } from '../../../../src/base/logger.ts';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { createSelfSignedIdentity } from '../../../../src/reload/security/identity.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

test('T13: registration certificates come with the values they sign and are not stored by themselves', async (t) => {
  const overlay = new SimulatedOverlay(81);
  await overlay.grow(4);
  const [writer, reader] = [overlay.peers[1]!, overlay.peers[3]!];
  await overlay.register(writer, 'alice', 'here');
  await overlay.clock.advance(10_000);
  const resource = overlay.resourceOf('alice');
  const [registrations, certificates] = await overlay.clock.runUntil(
    reader.node.fetch(resource, [{ kind: Kind.SIP_REGISTRATION }, { kind: Kind.CERTIFICATE_BY_USER }]),
  );
  t.is(registrations!.values.length, 1);
  const { signer } = registrations!.values[0]!;
  t.deepEqual(signer.certificate.userNames, [`alice@${overlay.document.name}`]);
  t.is(signer.nodeId, writer.node.nodeId);
  t.deepEqual(certificates!.values, []);
  // The replicas keep it as well: the owner may die.
  overlay.kill(overlay.ownerOf(resource));
  t.deepEqual(await overlay.lookup(overlay.peers[0]!, 'alice'), ['here']);
  await overlay.stopAll();
});

test('T13: a peer whose own user name another node has taken says so', async (t) => {
  const overlay = new SimulatedOverlay(82);
  await overlay.grow(2);
  const identity = overlay.newIdentity(overlay.randomOf('10.8.8.8'));
  const { userName } = identity;
  const thief = createSelfSignedIdentity(
    { clock: overlay.clock, random: overlay.randomOf('10.8.8.9') },
    { overlay: overlay.document.name, userName },
  );
  const value = { index: 0, exists: true, value: thief.certificate.der, lifetimeS: 3600 };
  await overlay.clock.runUntil(
    overlay.peers[0]!.node.store(
      userResource(userName),
      [{ kind: Kind.CERTIFICATE_BY_USER, values: [{ ...value, storageTime: overlay.clock.now() }] }],
      { signer: thief },
    ),
  );
  const warnings: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (message, fields) => warnings.push([message, fields]) };
  await overlay.start(overlay.make({ identity, logger }));
  await overlay.clock.advance(10_000);
  t.deepEqual(warnings, [['another node uses our user name', { userName, nodeId: thief.nodeId }]]);
  // Its own certificate stands beside the other one.
  const [found] = await overlay.clock.runUntil(
    overlay.peers[0]!.node.fetch(userResource(userName), [{ kind: Kind.CERTIFICATE_BY_USER }]),
  );
  t.is(found!.values.length, 2);
  await overlay.stopAll();
});
