import { type Clock, CodedError, sleep } from '../../base/index.ts';
import { type CertificateFields, parseCertificateFields } from '../security/certificate-fields.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import type { KindRecord } from './kind-record.ts';

/** What is looked at in one turn, so that phones and messages have theirs between. */
const SLICE = 500;

/** The part of a certificate that a revocation is about. */
export type RevocableFields = Pick<CertificateFields, 'nodes' | 'userNames' | 'notBefore'>;

/** The records that are gone through, as `RecordTable` has them. */
export interface RevocableRecords {
  /** Fingerprints of the certificates of all values held. */
  signers(): readonly string[];
  certificate(fingerprint: string): Uint8Array | undefined;
  resources(): readonly ResourceId[];
  kindsAt(resource: ResourceId): readonly KindId[];
  record(resource: ResourceId, kind: KindId): KindRecord;
  put(resource: ResourceId, changed: readonly KindRecord[]): Promise<void>;
}

/**
 * RFC 6940 §11.1 (bad-node) and requirement T16 (revoked-user): values whose certificate is not valid any more go. Whoever
 * else holds them drops them as well when the document comes to it, so the generation counter stays, as with values that
 * expire.
 * @returns the number of values dropped, once that is on the disk
 */
export async function dropRevoked(
  clock: Clock,
  records: RevocableRecords,
  isRevoked: (certificate: RevocableFields) => boolean,
): Promise<number> {
  const revoked = new Set<string>();
  for (const [i, fingerprint] of records.signers().entries()) {
    if (i % SLICE === SLICE - 1) await sleep(clock, 0);
    const der = records.certificate(fingerprint);
    if (der !== undefined && isRevokedCertificate(der, isRevoked)) revoked.add(fingerprint);
  }
  if (revoked.size === 0) return 0;
  let dropped = 0;
  const written: Promise<void>[] = [];
  for (const [i, resource] of records.resources().entries()) {
    if (i % SLICE === SLICE - 1) await sleep(clock, 0);
    const changed = records.kindsAt(resource).flatMap((kind) => {
      const record = records.record(resource, kind);
      const elements = record.elements.filter(({ signer }) => !revoked.has(signer));
      dropped += record.elements.length - elements.length;
      return elements.length === record.elements.length ? [] : [{ ...record, elements }];
    });
    if (changed.length > 0) written.push(records.put(resource, changed));
  }
  await Promise.all(written);
  return dropped;
}

function isRevokedCertificate(
  der: Uint8Array,
  isRevoked: (certificate: RevocableFields) => boolean,
): boolean {
  try {
    return isRevoked(parseCertificateFields(der));
  } catch (error) {
    // It was read when the value came; a damaged one is for whoever asks for the value.
    if (error instanceof CodedError) return false;
    throw error;
  }
}
