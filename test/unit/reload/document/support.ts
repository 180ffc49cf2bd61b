import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Clock } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { type DocumentSigners, writeDocument } from '../../../../src/reload/document/document-writer.ts';
import { builtInDocument, type OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { buildRootCertificate } from '../../../../src/reload/security/authority-certificates.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { issuedBy } from '../../../../src/reload/security/certificate-builder.ts';
import { createSelfSignedIdentity, type Identity } from '../../../../src/reload/security/identity.ts';
import type { NodeIdDigest } from '../../../../src/reload/security/node-id.ts';
import { formatNodeUri } from '../../../../src/reload/security/reload-uri.ts';
import { Signer } from '../../../../src/reload/security/signature.ts';
import type { KindDefinition, KindTable } from '../../../../src/reload/wire/kind-table.ts';

export const OVERLAY = 'doc.example.org';

export const clock = new VirtualClock();
const random = new SeededRandom(1);
const DAY_MS = 86_400_000;

export const PRIVATE_KIND: KindDefinition = {
  id: 0xf000_0001,
  name: '0xf0000001',
  dataModel: 'DICTIONARY',
  accessControl: 'USER-NODE-MATCH',
  maxCount: 8,
  maxSize: 64,
};

export function selfSigned(overlay = OVERLAY, digest: NodeIdDigest = 'sha256'): Identity {
  return createSelfSignedIdentity({ clock, random }, { overlay, digest });
}

/** What is declared of Kinds, without the rules that follow from it. */
export function definitionsOf(kinds: KindTable): readonly KindDefinition[] {
  return [...kinds.values()].map(({ admits: _rule, ...definition }) => definition);
}

/** A document of a self-signed overlay, with what is given laid over it. */
export function documentWith(changes: Partial<OverlayDocument> = {}): OverlayDocument {
  return { ...builtInDocument(OVERLAY), ...changes };
}

/** A document whose configuration and kinds one administrator signs. */
export function signedDocument(
  administrator: Identity,
  changes: Partial<OverlayDocument> = {},
  signers: DocumentSigners = { configuration: administrator.signer, kinds: administrator.signer },
): Uint8Array {
  const listed = new Set([administrator.nodeId]);
  const document = documentWith({ configurationSigners: listed, kindSigners: listed, ...changes });
  return writeDocument(document, signers);
}

interface EnrollOptions {
  overlay?: string;
  userName?: string;
  nodeId?: string;
  notBefore?: number;
  notAfter?: number;
}

/** The root of an overlay with enrolled certificates. */
export class Authority {
  readonly root: Uint8Array;
  readonly key: KeyObject;
  readonly issuer: { readonly name: string };
  readonly #clock: Clock;

  constructor(name = `Root of ${OVERLAY}`, time: Clock = clock) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.key = privateKey;
    this.issuer = { name };
    this.#clock = time;
    this.root = buildRootCertificate(
      { name, spki: spkiOf(publicKey), serial: random.bytes(8), ...this.#validity() },
      privateKey,
    );
  }

  /** What a node gets from an enrollment server: a certificate with a random Node-ID. */
  enroll(options: EnrollOptions = {}): Identity {
    const { overlay = OVERLAY, nodeId = Buffer.from(random.bytes(16)).toString('hex') } = options;
    const { userName = `${nodeId}@${overlay}` } = options;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = this.certify(createPublicKey(privateKey), { ...options, overlay, nodeId, userName });
    const { der } = certificate;
    return {
      nodeId,
      userName,
      certificate,
      privateKey,
      tls: { certificates: [der], privateKey },
      signer: new Signer({ certificate, nodeId }, privateKey),
      registration: (aor) => this.enroll({ overlay, nodeId, userName: aor }),
    };
  }

  /** A certificate for a key of somebody's own. */
  certify(key: KeyObject, options: EnrollOptions & { nodeId: string; userName: string }): Certificate {
    const { overlay = OVERLAY, nodeId, userName } = options;
    const { notBefore, notAfter } = { ...this.#validity(), ...options };
    const nodeUris = [formatNodeUri(nodeId, overlay)];
    const serial = random.bytes(8);
    const template = { spki: spkiOf(key), nodeUris, userName, serial, notBefore, notAfter };
    return Certificate.parse(issuedBy(this.issuer)(template, this.key));
  }

  #validity() {
    const now = this.#clock.now();
    return { notBefore: now - DAY_MS, notAfter: now + 3650 * DAY_MS };
  }
}

function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' });
}

/** The text with one thing replaced; fails loudly when it is not there. */
export function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8');
  if (!text.includes(from)) throw new Error(`no ${from} in the document`);
  return Buffer.from(text.replace(from, to));
}
