import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Clock, CodedError, type Random, type TlsIdentity } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import { Certificate } from './certificate.ts';
import { buildSelfSignedCertificate, type CertificateBuilder } from './certificate-builder.ts';
import { KeyIdentity } from './key-identity.ts';
import { type NodeIdDigest, nodeIdOfKey } from './node-id.ts';
import { formatNodeUri } from './reload-uri.ts';
import type { Signer } from './signature.ts';
import type { Signatures } from './signatures.ts';

/** EC over P-256, or RSA with 2048 bits (RFC 6940 §6.3.4 demands the latter's support). */
export type KeyType = 'ec' | 'rsa';

export interface IdentityDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes the certificates; ours by default. */
  readonly buildCertificate?: CertificateBuilder;
  /** Signs messages and values; node:crypto's by default. */
  readonly signatures?: Signatures;
}

export interface SelfSignedOptions {
  /** Overlay name. */
  readonly overlay: string;
  /** From self-signed-permitted; SHA-256 in the built-in document. */
  readonly digest?: NodeIdDigest;
  /** EC by default; ignored when a key is given. */
  readonly keyType?: KeyType;
  /** Private key to use instead of a fresh one. */
  readonly key?: KeyObject;
  /** The rfc822Name; `<node-id>@<overlay>` by default. */
  readonly userName?: string;
}

/** What a node is in the overlay: a key, a Node-ID that belongs to it and a certificate that says so. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly userName: string;
  /** It and what is made of it may be replaced while the node runs: to be asked for each time. */
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  /** For links and SIP connections to other peers. */
  readonly tls: TlsIdentity;
  /** For messages and stored values. */
  readonly signer: Signer;
}

/** An identity that makes the registration identities of its users by itself. */
export interface Identity extends NodeIdentity {
  /**
   * The registration identity of a user served here (requirement T2): same key and Node-ID, the AoR as its user
   * name. Its certificate is new with each call and good for a week.
   * @param aor canonical, without scheme: `alice@example.org`
   * @throws CodedError 'bad-user-name' when it is not printable ASCII
   */
  registration(aor: string): Identity;
}

/** Where the registration identities of the users served here come from (requirement T2). */
export interface RegistrationIdentities {
  /**
   * @param aor canonical, without scheme: `alice@example.org`
   * @throws CodedError 'no-registration-certificate' when none is to be had now
   */
  registrationOf(aor: string): Promise<NodeIdentity>;
}

/** Those that a self-signed node makes itself. */
export function ownRegistrations(identity: Identity): RegistrationIdentities {
  return { registrationOf: async (aor) => identity.registration(aor) };
}

const DAY_MS = 86_400_000;
/** Tolerates peers whose clocks are that much behind ours. */
const BACKDATE_MS = DAY_MS;
const OWN_LIFETIME_MS = 3650 * DAY_MS;
const REGISTRATION_LIFETIME_MS = 7 * DAY_MS;
/** RFC 5280 §4.1.2.2 allows 20; eight random bytes do not repeat within one peer's certificates. */
const SERIAL_BYTES = 8;

class OwnIdentity extends KeyIdentity implements Identity {
  readonly #deps: IdentityDeps;
  readonly #overlay: string;
  readonly #spki: Uint8Array;

  constructor(
    deps: IdentityDeps,
    options: {
      overlay: string;
      nodeId: NodeId;
      spki: Uint8Array;
      certificate: Certificate;
      privateKey: KeyObject;
    },
  ) {
    super(options, deps.signatures);
    this.#deps = deps;
    this.#overlay = options.overlay;
    this.#spki = options.spki;
  }

  registration(aor: string): Identity {
    const { nodeId, privateKey } = this;
    const wanted = { overlay: this.#overlay, nodeId, spki: this.#spki, userName: aor };
    const der = issue(this.#deps, { ...wanted, lifetimeMs: REGISTRATION_LIFETIME_MS }, privateKey);
    const certificate = Certificate.parse(der, () => this.certificate.publicKey, this.#deps.signatures);
    return new OwnIdentity(this.#deps, { ...wanted, certificate, privateKey });
  }
}

/** RFC 6940 §11.3.1: a fresh identity, or a new certificate for a given key. */
export function createSelfSignedIdentity(deps: IdentityDeps, options: SelfSignedOptions): Identity {
  const { overlay, digest = 'sha256', keyType = 'ec' } = options;
  const privateKey = options.key ?? generateKey(keyType);
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const nodeId = nodeIdOfKey(spki, digest);
  const userName = options.userName ?? `${nodeId}@${overlay}`;
  const der = issue(deps, { overlay, nodeId, spki, userName, lifetimeMs: OWN_LIFETIME_MS }, privateKey);
  const certificate = Certificate.parse(der, () => publicKey, deps.signatures);
  return new OwnIdentity(deps, { overlay, nodeId, spki, certificate, privateKey });
}

/** An identity as it is kept between runs. `privateKey` is secret. */
export interface IdentityPem {
  readonly certificate: string;
  readonly privateKey: string;
}

/** PEM texts for `loadSelfSignedIdentity`: the certificate, and the key as PKCS#8. */
export function saveIdentity({ certificate, privateKey }: NodeIdentity): IdentityPem {
  const base64 = Buffer.from(certificate.der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/**
 * The identity that was saved. A certificate near its end, or one that no longer fits overlay, digest or user
 * name, is replaced: key and Node-ID stay.
 * @throws CodedError 'bad-identity' when a text is damaged or the two do not belong together
 */
export function loadSelfSignedIdentity(
  deps: IdentityDeps,
  pem: IdentityPem,
  options: Pick<SelfSignedOptions, 'overlay' | 'digest' | 'userName'>,
): Identity {
  const { privateKey, certificate } = readIdentityPem(pem);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const { overlay, digest = 'sha256' } = options;
  const nodeId = nodeIdOfKey(spki, digest);
  const userName = options.userName ?? `${nodeId}@${overlay}`;
  const node = certificate.nodes[0];
  const fits =
    certificate.nodes.length === 1 &&
    node?.nodeId === nodeId &&
    node.overlay === overlay.toLowerCase() &&
    certificate.userNames[0] === userName;
  const now = deps.clock.now();
  const fresh = certificate.notBefore <= now && now < certificate.notAfter - REGISTRATION_LIFETIME_MS;
  if (!fits || !fresh) return createSelfSignedIdentity(deps, { ...options, key: privateKey });
  return new OwnIdentity(deps, { overlay, nodeId, spki, certificate, privateKey });
}

interface Issue {
  readonly overlay: string;
  readonly nodeId: NodeId;
  readonly spki: Uint8Array;
  readonly userName: string;
  readonly lifetimeMs: number;
}

function issue(
  { clock, random, buildCertificate = buildSelfSignedCertificate }: IdentityDeps,
  wanted: Issue,
  key: KeyObject,
) {
  if (!/^[\x21-\x7e]{1,254}$/.test(wanted.userName)) {
    throw new CodedError('bad-user-name', `${JSON.stringify(wanted.userName)} cannot stand in a certificate`);
  }
  const now = clock.now();
  return buildCertificate(
    {
      spki: wanted.spki,
      nodeUris: [formatNodeUri(wanted.nodeId, wanted.overlay)],
      userName: wanted.userName,
      serial: random.bytes(SERIAL_BYTES),
      notBefore: now - BACKDATE_MS,
      notAfter: now + wanted.lifetimeMs,
    },
    key,
  );
}

/** A fresh private key. */
export function generateKey(keyType: KeyType): KeyObject {
  const pair =
    keyType === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return pair.privateKey;
}

/**
 * The saved key and certificate.
 * @throws CodedError 'bad-identity' when a text is damaged or the two do not belong together
 */
export function readIdentityPem(pem: IdentityPem): { privateKey: KeyObject; certificate: Certificate } {
  const privateKey = readPrivateKey(pem.privateKey);
  const certificate = readCertificate(pem.certificate);
  if (!certificate.publicKey.equals(createPublicKey(privateKey))) {
    throw new CodedError('bad-identity', 'the saved certificate is not for the saved private key');
  }
  return { privateKey, certificate };
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new CodedError('bad-identity', 'the saved private key is damaged', { cause });
  }
}

function readCertificate(pem: string): Certificate {
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(pem);
  if (body === null) throw new CodedError('bad-identity', 'the saved certificate is not PEM');
  try {
    return Certificate.parse(Buffer.from(body[1]!, 'base64'));
  } catch (cause) {
    throw new CodedError('bad-identity', 'the saved certificate is damaged', { cause });
  }
}
