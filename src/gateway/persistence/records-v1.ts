import { hash } from 'node:crypto';
import type { KeyValueStore, Write } from '../../base/index.ts';
import { CERTIFICATE_PREFIX } from '../../reload/storage/certificate-shelf.ts';
import { encodeAtRest } from '../../reload/storage/kind-record.ts';
import { RECORD_PREFIX } from '../../reload/storage/record-key.ts';
import { decodeWhole } from '../../reload/wire/codec.ts';
import { DecodeError } from '../../reload/wire/decode-error.ts';
import { counter64, uint8 } from '../../reload/wire/integers.ts';
import { opaque, remainder, vector } from '../../reload/wire/sequences.ts';
import { struct } from '../../reload/wire/struct.ts';

/** Version 1 kept the certificate behind each value. */
const recordV1 = struct({
  version: uint8,
  generation: counter64,
  elements: vector(4, struct({ expiresAt: counter64, bytes: opaque(4) })),
});

/** A StoredData begins with its length (RFC 6940 §7); what follows it is the certificate. */
const signedValue = struct({ storedData: opaque(4), certificate: remainder });

/**
 * Schema 2: certificates are kept apart, one copy for all values of a signer. A record that cannot be read is left
 * as it is; whoever loads the records passes it over and says so.
 */
export function* recordsV1ToV2(store: KeyValueStore): Iterable<Write> {
  const certificates = new Map<string, Uint8Array>();
  for (const [key, bytes] of store.entries(RECORD_PREFIX)) {
    const value = convert(bytes, certificates);
    if (value !== undefined) yield { key, value };
  }
  for (const [signer, value] of certificates) yield { key: CERTIFICATE_PREFIX + signer, value };
}

function convert(bytes: Uint8Array, certificates: Map<string, Uint8Array>): Uint8Array | undefined {
  try {
    const { generation, elements } = decodeWhole(recordV1, bytes);
    return encodeAtRest({
      generation,
      elements: elements.map((element) => {
        const { storedData, certificate } = decodeWhole(signedValue, element.bytes);
        const signer = hash('sha256', certificate, 'hex');
        if (!certificates.has(signer)) certificates.set(signer, certificate);
        const data = element.bytes.subarray(0, 4 + storedData.length);
        return { expiresAt: element.expiresAt, transactionId: 0n, signer, data };
      }),
    });
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
