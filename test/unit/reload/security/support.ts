import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { CertificateStore } from '../../../../src/reload/security/certificate-store.ts';
import {
  createSelfSignedIdentity,
  type Identity,
  type KeyType,
} from '../../../../src/reload/security/identity.ts';
import { type Admission, SelfSignedTrust } from '../../../../src/reload/security/trust-policy.ts';

export const OVERLAY = 'example.org';

/** A clock, identities of one self-signed overlay and the certificate store of a node in it. */
export function testOverlay(options: { admission?: Admission; capacity?: number } = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const trust = new SelfSignedTrust({
    overlay: OVERLAY,
    digest: 'sha256',
    admission: options.admission ?? { kind: 'open' },
  });
  const { capacity = 64 } = options;
  return {
    clock,
    random,
    trust,
    store: new CertificateStore({ clock, trust }, { capacity }),
    identity: (keyType: KeyType = 'ec', overlay = OVERLAY): Identity =>
      createSelfSignedIdentity({ clock, random }, { overlay, keyType }),
  };
}
