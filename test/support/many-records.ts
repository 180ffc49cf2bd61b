import { hash } from 'node:crypto';
import type { KeyValueStore, Write } from '../../src/base/index.ts';
import { Kind } from '../../src/reload/document/kinds.ts';
import { toNode } from '../../src/reload/messages/destination.ts';
import { HashAlgorithm } from '../../src/reload/messages/signature.ts';
import { storedData } from '../../src/reload/messages/stored-data.ts';
import type { Identity } from '../../src/reload/security/identity.ts';
import { signValue } from '../../src/reload/security/value-signature.ts';
import { userResource } from '../../src/reload/storage/access-policy.ts';
import { CERTIFICATE_PREFIX } from '../../src/reload/storage/certificate-shelf.ts';
import { encodeAtRest } from '../../src/reload/storage/kind-record.ts';
import { keyOf } from '../../src/reload/storage/record-key.ts';
import { sipRegistration } from '../../src/reload/usages/sip/sip-registration.ts';
import { encodeWhole } from '../../src/reload/wire/codec.ts';

const BATCH = 1_000;

/** Signed records of registrations at the peer with this identity, whole and valid; half a millisecond each. */
export async function writeSignedRecords(
  kv: KeyValueStore,
  { count, identity, now }: { readonly count: number; readonly identity: Identity; readonly now: number },
): Promise<void> {
  const kind = Kind.SIP_REGISTRATION;
  const registration = encodeWhole(sipRegistration, {
    type: 'route',
    contactPrefs: '',
    destinationList: [toNode(identity.nodeId)],
  });
  for (let start = 0; start < count; start += BATCH) {
    const writes: Write[] = [];
    for (let i = start; i < Math.min(count, start + BATCH); i++) {
      const { signer, certificate } = identity.registration(`user${i}@example.org`);
      const resource = userResource(`user${i}@example.org`);
      const value = { model: 'DICTIONARY', key: identity.nodeId, exists: true, value: registration } as const;
      const data = signValue(signer, { resource, kind }, { storageTime: now - i, lifetime: 7200, value });
      const element = {
        expiresAt: now + 7_200_000,
        transactionId: 0n,
        signer: certificate.fingerprint,
        data: encodeWhole(storedData.DICTIONARY, data),
      };
      writes.push(
        { key: keyOf(resource, kind), value: encodeAtRest({ generation: 1, elements: [element] }) },
        { key: CERTIFICATE_PREFIX + certificate.fingerprint, value: certificate.der },
      );
    }
    await kv.write(writes);
  }
}

/** Of an EC registration certificate, and of an ECDSA signature. */
const CERTIFICATE_BYTES = 480;
const SIGNATURE_BYTES = 71;

export interface ManyRecords {
  /** What the records and their certificates take without anything around them. */
  readonly bytes: number;
}

/**
 * Records as a peer has them on its disk, of as many users, but for their signatures, which nobody looks at when a
 * store is loaded.
 */
export async function writeManyRecords(
  kv: KeyValueStore,
  {
    count,
    nodeId,
    now,
    sameEnd = false,
  }: { readonly count: number; readonly nodeId: string; readonly now: number; readonly sameEnd?: boolean },
): Promise<ManyRecords> {
  let bytes = 0;
  for (let start = 0; start < count; start += BATCH) {
    const writes: Write[] = [];
    for (let i = start; i < Math.min(count, start + BATCH); i++)
      writes.push(...recordOf(i, nodeId, now, sameEnd ? 0 : i));
    for (const { value } of writes) bytes += value!.length;
    await kv.write(writes);
  }
  return { bytes };
}

function recordOf(i: number, nodeId: string, now: number, longer: number): Write[] {
  const certificate = new Uint8Array(CERTIFICATE_BYTES).fill(i & 255);
  new DataView(certificate.buffer).setUint32(0, i);
  const signer = hash('sha256', certificate, 'hex');
  const value = { model: 'DICTIONARY', key: nodeId, exists: true, value: new Uint8Array(60) } as const;
  const data = encodeWhole(storedData.DICTIONARY, {
    storageTime: now - i,
    lifetime: 7200,
    value,
    signature: {
      algorithm: { hash: HashAlgorithm.sha256, signature: 3 },
      identity: { type: 'certHash', hashAlgorithm: HashAlgorithm.sha256, certificateHash: signer },
      value: new Uint8Array(SIGNATURE_BYTES),
    },
  });
  const elements = [{ expiresAt: now + 7_200_000 + longer, transactionId: BigInt(i + 1), signer, data }];
  return [
    {
      key: keyOf(userResource(`user${i}@example.org`), Kind.SIP_REGISTRATION),
      value: encodeAtRest({ generation: 1, elements }),
    },
    { key: CERTIFICATE_PREFIX + signer, value: certificate },
  ];
}
