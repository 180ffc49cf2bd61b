import { parentPort, workerData } from 'node:worker_threads';
import type { Address } from '../../../src/base/index.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../../src/net/index.ts';
import { Kind } from '../../../src/reload/document/kinds.ts';
import { builtInDocument } from '../../../src/reload/document/overlay-document.ts';
import { toNode } from '../../../src/reload/messages/destination.ts';
import { store } from '../../../src/reload/messages/store.ts';
import { createSelfSignedIdentity } from '../../../src/reload/security/identity.ts';
import { signValue } from '../../../src/reload/security/value-signature.ts';
import { nodeResource } from '../../../src/reload/storage/access-policy.ts';
import type { FloodKind } from './flood-tls.ts';
import { HostileMember } from './hostile-member.ts';
import { OVERLAY } from './session-corpus.ts';

const { kind, address, nodeId } = workerData as { kind: FloodKind; address: Address; nodeId: string };
const machine = { clock: systemClock, random: systemRandom, network: new SystemNetwork() };
const BATCH = 200;
const MAX_QUEUED = 1_000_000;

const member = new HostileMember({
  ...machine,
  document: builtInDocument(OVERLAY),
  identity: createSelfSignedIdentity(machine, { overlay: OVERLAY }),
});
await member.connect(address);

const resource = nodeResource(member.nodeId);
let storageTime = Date.now();

/** A Store of the member's own record, properly signed. */
function nextStore(): Uint8Array {
  const value = { model: 'SINGLE', exists: true, value: Buffer.from('sip:x@192.0.2.1') } as const;
  const place = { resource, kind: Kind.SIP_PEER_ADDRESS };
  const data = signValue(member.identity.signer, place, { storageTime: storageTime++, lifetime: 600, value });
  const kindData = [{ kind: Kind.SIP_PEER_ADDRESS, generation: 0, values: [data] }];
  return member.request(store, { resource, replicaNumber: 0, kindData }, [toNode(nodeId)]);
}

const template = Buffer.from(nextStore());
template[template.length - 3]! ^= 1;
parentPort?.postMessage('connected');
for (;;) {
  const batch = Array.from({ length: BATCH }, () => (kind === 'Stores of its own' ? nextStore() : template));
  member.send(...batch);
  // As fast as the other side reads.
  do await new Promise((resolve) => setImmediate(resolve));
  while (member.queuedBytes > MAX_QUEUED);
}
