import { CodedError } from '../../base/index.ts';
import type { FetchAns } from '../messages/fetch.ts';
import type { StoredData, StoredDataValue } from '../messages/stored-data.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { SignedBy } from '../security/signature.ts';
import { verifyValue } from '../security/value-signature.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import type { KindDefinition, KindTable } from '../wire/kind-table.ts';
import { mayWrite } from './access-policy.ts';

/** A value that its owner wrote, as somebody who asked for it gets it. */
export interface VerifiedValue {
  /** Place and content; `exists` is false for a value that its owner removed. */
  readonly value: StoredDataValue;
  /** ms since the Unix epoch. */
  readonly storageTime: number;
  /** Seconds left. */
  readonly lifetime: number;
  readonly signer: SignedBy;
}

export interface VerifiedKind {
  readonly kind: KindId;
  readonly generation: number;
  readonly values: readonly VerifiedValue[];
  /** Values that were dropped because nobody who may write there signed them. */
  readonly discarded: number;
}

/**
 * Checks that a value is signed, by a certificate the overlay trusts now, whose holder may write there.
 * @param certificates DER, from the SecurityBlock of the message that carried the value
 * @throws CodedError with the code of a certificate or signature error, or 'signer-not-authorized'
 */
export function verifyStored(
  store: CertificateStore,
  kind: KindDefinition,
  resource: ResourceId,
  data: StoredData,
  certificates: readonly Uint8Array[],
): SignedBy {
  const signer = store.signer(data.signature.identity, certificates);
  if (!mayWrite(kind, resource, data.value, signer)) {
    throw new CodedError(
      'signer-not-authorized',
      `${signer.nodeId} may not write ${kind.name} at ${resource} (${kind.accessControl})`,
      { origin: 'remote' },
    );
  }
  verifyValue({ resource, kind: kind.id }, data, signer);
  return signer;
}

/**
 * RFC 6940 §7.4.2.2: of a FetchAns, the values with valid signatures. Values the storing peer made up to say that
 * there is nothing are left out.
 */
export function verifiedValues(
  { certificates: store, kinds }: { certificates: CertificateStore; kinds: KindTable },
  resource: ResourceId,
  answer: FetchAns,
  certificates: readonly Uint8Array[],
): readonly VerifiedKind[] {
  return answer.kindResponses.map(({ kind, generation, values }) => {
    const definition = kinds.get(kind);
    const verified: VerifiedValue[] = [];
    let discarded = 0;
    for (const data of values) {
      if (isSynthetic(data)) continue;
      const signer =
        definition && tryVerify(() => verifyStored(store, definition, resource, data, certificates));
      if (signer === undefined) discarded += 1;
      else verified.push(withSigner(data, signer));
    }
    return { kind, generation, values: verified, discarded };
  });
}

/**
 * The same for an answer out of our own `ResourceStore`, whose values were verified when they came: only the
 * certificates are looked at again, since they may have expired.
 */
export function ownValues(
  store: CertificateStore,
  answer: FetchAns,
  certificates: readonly Uint8Array[],
): readonly VerifiedKind[] {
  return answer.kindResponses.map(({ kind, generation, values }) => {
    const signed = values.filter((data) => !isSynthetic(data));
    const valid = signed.flatMap((data) => {
      const signer = tryVerify(() => store.signer(data.signature.identity, certificates));
      return signer === undefined ? [] : [withSigner(data, signer)];
    });
    return { kind, generation, values: valid, discarded: signed.length - valid.length };
  });
}

/** RFC 6940 §7.4.2.2: unsigned, and only good to say that nothing exists. */
function isSynthetic({ value, signature }: StoredData): boolean {
  return signature.identity.type === 'none' && !value.exists;
}

function withSigner({ value, storageTime, lifetime }: StoredData, signer: SignedBy): VerifiedValue {
  return { value, storageTime, lifetime, signer };
}

function tryVerify(verify: () => SignedBy): SignedBy | undefined {
  try {
    return verify();
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}
