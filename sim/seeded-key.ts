import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import type { Random } from '../src/base/index.ts';

/** A P-256 key that depends on the seed alone, and with it the Node-ID. */
export function seededKey(random: Random): KeyObject {
  const d = Buffer.from(random.bytes(32));
  d[0] = 1;
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const x = point.subarray(1, 33).toString('base64url');
  const y = point.subarray(33).toString('base64url');
  return createPrivateKey({
    key: { kty: 'EC', crv: 'P-256', d: d.toString('base64url'), x, y },
    format: 'jwk',
  });
}
