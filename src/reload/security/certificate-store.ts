import { hash, type KeyObject } from 'node:crypto';
import { type Clock, CodedError, equalBytes, LruMap } from '../../base/index.ts';
import { HashAlgorithm, type SignerIdentity } from '../messages/signature.ts';
import { Certificate, fingerprintOf, importPublicKey } from './certificate.ts';
import { findSigner, type SignedBy } from './signature.ts';
import { nodeSignatures, type Signatures } from './signatures.ts';
import type { TrustPolicy } from './trust-policy.ts';

/** A certificate outside its validity period; both sides' clocks are suspects. */
export class CertificateTimeError extends CodedError<'certificate-expired' | 'certificate-not-yet-valid'> {
  /** ms by which our clock would have to be moved, at the least, for the certificate to be valid. */
  readonly clockOffsetMs: number;

  constructor(certificate: Certificate, now: number) {
    const early = now < certificate.notBefore;
    const clockOffsetMs = early ? certificate.notBefore - now : certificate.notAfter - now;
    const bound = new Date(early ? certificate.notBefore : certificate.notAfter).toISOString();
    super(
      early ? 'certificate-not-yet-valid' : 'certificate-expired',
      `certificate of ${certificate.nodeIds[0]} is valid ${early ? 'from' : 'until'} ${bound}, our clock is ` +
        `${Math.ceil(Math.abs(clockOffsetMs) / 1000)} s ${early ? 'before' : 'after'} that: check the clocks`,
      { origin: 'remote' },
    );
    this.clockOffsetMs = clockOffsetMs;
  }
}

/** Certificates read in search of one signer: as many as values of different signers fit one message. */
const MAX_READ = 32;

interface Entry {
  readonly certificate: Certificate;
  /** What the trust policy said; undefined when it was not asked yet. */
  verdict: 'trusted' | Error | undefined;
}

export interface CertificateStoreOptions {
  /** Certificates kept, trusted or not. */
  readonly capacity?: number;
  readonly signatures?: Signatures;
}

/**
 * Reads certificates and asks the trust policy about them, each one once: results are kept by fingerprint. Public
 * keys are kept as well, because the registration certificates of one peer all share its key.
 */
export class CertificateStore {
  readonly #clock: Clock;
  #trust: TrustPolicy;
  readonly #entries: LruMap<string, Entry>;
  readonly #keys: LruMap<string, KeyObject>;
  readonly #signatures: Signatures;

  constructor(
    { clock, trust }: { clock: Clock; trust: TrustPolicy },
    { capacity = 4096, signatures = nodeSignatures }: CertificateStoreOptions = {},
  ) {
    this.#signatures = signatures;
    this.#clock = clock;
    this.#trust = trust;
    this.#entries = new LruMap(capacity);
    this.#keys = new LruMap(capacity);
  }

  /** From now on another policy decides; every certificate is judged anew. */
  retrust(trust: TrustPolicy): void {
    this.#trust = trust;
    this.#entries.clear();
  }

  /** A certificate that was read already, such as our own: it is judged like all others, but not held twice. */
  add(certificate: Certificate): void {
    const { fingerprint } = certificate;
    if (this.#entries.get(fingerprint) === undefined) {
      this.#entries.set(fingerprint, { certificate, verdict: undefined });
    }
  }

  /**
   * Reads a certificate without trusting it.
   * @throws CodedError 'certificate-malformed'
   */
  parse(der: Uint8Array): Certificate {
    return this.#entry(der, fingerprintOf(der)).certificate;
  }

  /**
   * A certificate that the overlay trusts and that is valid now.
   * @throws CodedError with a CertificateErrorCode; CertificateTimeError names the clock offset
   */
  verify(der: Uint8Array): Certificate {
    return this.#verified(this.#entry(der, fingerprintOf(der)));
  }

  /**
   * The signer that the identity names, looked for among certificates in DER form; only that one is verified.
   * @throws CodedError with a SignatureErrorCode or CertificateErrorCode
   */
  signer(identity: SignerIdentity, certificates: readonly Uint8Array[]): SignedBy {
    const wanted =
      identity.type === 'certHash' && identity.hashAlgorithm === HashAlgorithm.sha256
        ? identity.certificateHash
        : undefined;
    const known = wanted === undefined ? undefined : this.#knownAmong(wanted, certificates);
    const signedBy = findSigner(identity, known ?? this.#candidates(wanted, certificates));
    const { der, fingerprint } = signedBy.certificate;
    this.#verified(this.#entry(der, fingerprint));
    return signedBy;
  }

  /** A certificate seen before needs no hash: to compare its bytes is a tenth of the work. */
  #knownAmong(fingerprint: string, certificates: readonly Uint8Array[]): [Certificate] | undefined {
    const certificate = this.#entries.get(fingerprint)?.certificate;
    if (certificate === undefined) return undefined;
    return certificates.some((der) => equalBytes(der, certificate.der)) ? [certificate] : undefined;
  }

  /**
   * Leaves out, unread, the certificates that a SHA-256 identity plainly does not name. Other identities tell nothing
   * before a certificate is read, which costs more than a signature check.
   */
  *#candidates(wanted: string | undefined, certificates: readonly Uint8Array[]): Iterable<Certificate> {
    for (const der of wanted === undefined ? certificates.slice(0, MAX_READ) : certificates) {
      const fingerprint = fingerprintOf(der);
      if (wanted === undefined || wanted === fingerprint) yield this.#entry(der, fingerprint).certificate;
    }
  }

  #verified(entry: Entry): Certificate {
    entry.verdict ??= this.#judge(entry.certificate);
    if (entry.verdict !== 'trusted') throw entry.verdict;
    const now = this.#clock.now();
    const { certificate } = entry;
    // §7.1: "the current time MUST be compared to the certificate validity period", each time.
    if (now < certificate.notBefore || now > certificate.notAfter) {
      throw new CertificateTimeError(certificate, now);
    }
    return certificate;
  }

  #judge(certificate: Certificate): 'trusted' | Error {
    try {
      this.#trust.check(certificate);
      return 'trusted';
    } catch (error) {
      if (error instanceof CodedError) return error;
      throw error;
    }
  }

  #entry(der: Uint8Array, fingerprint: string): Entry {
    const known = this.#entries.get(fingerprint);
    if (known !== undefined) return known;
    const certificate = Certificate.parse(der, (spki) => this.#key(spki), this.#signatures);
    const entry: Entry = { certificate, verdict: undefined };
    this.#entries.set(fingerprint, entry);
    return entry;
  }

  #key(spki: Uint8Array): KeyObject {
    const id = hash('sha256', spki, 'hex');
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const key = importPublicKey(spki);
    this.#keys.set(id, key);
    return key;
  }
}
