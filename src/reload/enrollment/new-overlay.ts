import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Address, type Clock, isAddressLiteral, type Random, randomHex } from '../../base/index.ts';
import { readDocument } from '../document/document-reader.ts';
import { verifyFirstDocument } from '../document/document-verification.ts';
import { writeDocument } from '../document/document-writer.ts';
import { builtInDocument } from '../document/overlay-document.ts';
import { addressBytes } from '../messages/ip-address-port.ts';
import {
  buildIssuingCertificate,
  buildRootCertificate,
  buildServerCertificate,
  keyIdOf,
} from '../security/authority-certificates.ts';
import { Certificate } from '../security/certificate.ts';
import { type Issuer, issuedBy } from '../security/certificate-builder.ts';
import { generateKey, type KeyType } from '../security/identity.ts';
import { formatNodeUri } from '../security/reload-uri.ts';
import { Signer } from '../security/signature.ts';
import { ID_LENGTH } from '../wire/ids.ts';

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
}

export interface NewOverlayOptions {
  /** A domain name. */
  readonly name: string;
  readonly keyType: KeyType;
  /** https; its host becomes a name of the server's certificate. */
  readonly enrollmentUrl: string;
  readonly bootstrapNodes: readonly Address[];
}

/** A private key and the certificates that speak for it, leaf first. */
export interface CertifiedKey {
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  readonly privateKey: KeyObject;
}

/** All that makes an overlay. */
export interface NewOverlay {
  /** The signed configuration document. */
  readonly document: Uint8Array;
  /** Needed for nothing that runs: whoever has its key is the overlay. */
  readonly root: CertifiedKey;
  /** Issues the certificates of nodes. */
  readonly issuer: CertifiedKey;
  /** A Node-ID of its own that signs documents and Kinds, so that the root can be kept off the network (T16). */
  readonly signer: CertifiedKey;
  /** Of the enrollment server; the root is in its chain, for clients that pin it. */
  readonly server: CertifiedKey;
}

const DAY_MS = 86_400_000;
const BACKDATE_MS = DAY_MS;
const ROOT_LIFETIME_MS = 7_300 * DAY_MS;
const ONLINE_LIFETIME_MS = 3_650 * DAY_MS;
/** Documents are signed anew before that, by `enrollment serve` and with every change. */
export const DOCUMENT_LIFETIME_MS = 365 * DAY_MS;
const SERIAL_BYTES = 16;
/** RFC 5280 §A.1: ub-common-name. */
const MAX_COMMON_NAME = 64;

/** The user name of the Node-ID that signs documents; nobody gets an account of that name. */
export function signerName(overlay: string): string {
  return `configuration-signer@${overlay}`;
}

/** Makes the keys, certificates and first document of an overlay whose nodes enroll (RFC 6940 §11). */
export function newOverlay(deps: Deps, options: NewOverlayOptions): NewOverlay {
  const { name, keyType, enrollmentUrl } = options;
  const [root, issuer, signer, server] = [0, 1, 2, 3].map(() => newKey(keyType)) as [Key, Key, Key, Key];
  const names: Issuer = { name: commonName('Root of', name), keyId: keyIdOf(root.spki) };
  const rootCertificate = buildRootCertificate(
    { ...template(deps, root, ROOT_LIFETIME_MS), name: names.name },
    root.privateKey,
  );
  const issuerCertificate = buildIssuingCertificate(
    { ...template(deps, issuer, ONLINE_LIFETIME_MS), name: commonName('Enrollment of', name) },
    names,
    root.privateKey,
  );
  const nodeId = randomHex(deps.random, ID_LENGTH);
  const signerCertificate = issuedBy(names)(
    {
      ...template(deps, signer, ONLINE_LIFETIME_MS),
      nodeUris: [formatNodeUri(nodeId, name)],
      userName: signerName(name),
    },
    root.privateKey,
  );
  const serverCertificate = buildServerCertificate(
    { ...template(deps, server, ONLINE_LIFETIME_MS), ...serverNames(name, enrollmentUrl) },
    names,
    root.privateKey,
  );
  const signing = new Signer(
    { certificate: Certificate.parse(signerCertificate), nodeId },
    signer.privateKey,
  );
  return {
    document: firstDocument(deps, options, [rootCertificate, issuerCertificate], signing),
    root: { certificates: [rootCertificate], privateKey: root.privateKey },
    issuer: { certificates: [issuerCertificate], privateKey: issuer.privateKey },
    signer: { certificates: [signerCertificate], privateKey: signer.privateKey },
    server: { certificates: [serverCertificate, rootCertificate], privateKey: server.privateKey },
  };
}

function firstDocument(
  { clock }: Deps,
  { name, enrollmentUrl, bootstrapNodes }: NewOverlayOptions,
  rootCertificates: readonly Uint8Array[],
  signer: Signer,
): Uint8Array {
  const document = writeDocument(
    {
      ...builtInDocument(name),
      sequence: 1,
      expiresAt: clock.now() + DOCUMENT_LIFETIME_MS,
      selfSignedPermitted: undefined,
      rootCertificates,
      enrollmentServers: [enrollmentUrl],
      bootstrapNodes,
      configurationSigners: new Set([signer.nodeId]),
      kindSigners: new Set([signer.nodeId]),
      // RFC 7904 §3.4, not enabled: only AoRs of the overlay's own domain.
      domainRestriction: { enabled: false, patterns: [] },
    },
    { configuration: signer, kinds: signer },
  );
  // As every peer will read it.
  verifyFirstDocument({ clock }, readDocument(document, name));
  return document;
}

interface Key {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
}

function template({ clock, random }: Deps, { spki }: Key, lifetimeMs: number) {
  const now = clock.now();
  const serial = random.bytes(SERIAL_BYTES);
  return { spki, serial, notBefore: now - BACKDATE_MS, notAfter: now + lifetimeMs };
}

function newKey(keyType: KeyType): Key {
  const privateKey = generateKey(keyType);
  return { privateKey, spki: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }) };
}

function commonName(what: string, name: string): string {
  return `${what} ${name}`.slice(0, MAX_COMMON_NAME);
}

/** §11.2 has clients without a URL compare the certificate with the overlay's name, others with the URL's host. */
function serverNames(overlay: string, url: string) {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const isAddress = isAddressLiteral(host);
  return {
    dnsNames: isAddress || host === overlay ? [overlay] : [overlay, host],
    ipAddresses: isAddress ? [addressBytes(host)] : [],
  };
}
