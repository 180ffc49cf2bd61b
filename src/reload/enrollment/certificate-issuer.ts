import type { KeyObject } from 'node:crypto';
import type { Clock, Random } from '../../base/index.ts';
import { type Issuer, issuedBy } from '../security/certificate-builder.ts';
import { formatNodeUri } from '../security/reload-uri.ts';
import type { NodeId } from '../wire/ids.ts';

export interface CertificateIssuerDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Of the issuing authority. */
  readonly key: KeyObject;
  /** The revoked-user elements of the document in force: name and `since`, ms. */
  readonly revokedUsers: () => ReadonlyMap<string, number>;
}

export interface CertificateIssuerOptions {
  /** Overlay name. */
  readonly overlay: string;
  readonly issuer: Issuer;
}

/** What a certificate is to say. */
export interface CertificateOrder {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly nodeIds: readonly NodeId[];
  /** The rfc822Name; ASCII. */
  readonly userName: string;
  readonly lifetimeMs: number;
}

export interface IssuedCertificate {
  readonly der: Uint8Array;
  /** ms since the Unix epoch. */
  readonly notAfter: number;
}

const DAY_MS = 86_400_000;
/** Tolerates peers whose clocks are that much behind ours. */
const BACKDATE_MS = DAY_MS;
/** Random as well as unique (RFC 5280 §4.1.2.2 allows 20). */
const SERIAL_BYTES = 16;

/** Makes the certificates of nodes (RFC 6940 §11.3): an empty subject, Node-ID URIs and one user name. */
export class CertificateIssuer {
  readonly #deps: CertificateIssuerDeps;
  readonly #overlay: string;
  readonly #build;

  constructor(deps: CertificateIssuerDeps, { overlay, issuer }: CertificateIssuerOptions) {
    this.#deps = deps;
    this.#overlay = overlay;
    this.#build = issuedBy(issuer);
  }

  issue({ spki, nodeIds, userName, lifetimeMs }: CertificateOrder): IssuedCertificate {
    const { clock, random, key, revokedUsers } = this.#deps;
    const now = clock.now();
    const notAfter = now + lifetimeMs;
    // A name that was revoked and is given again: what is issued now must not look like what was revoked (T16). The
    // encoding drops the milliseconds.
    const since = Math.ceil((revokedUsers().get(userName) ?? 0) / 1000) * 1000;
    const notBefore = Math.max(now - BACKDATE_MS, since);
    const nodeUris = nodeIds.map((nodeId) => formatNodeUri(nodeId, this.#overlay));
    const serial = random.bytes(SERIAL_BYTES);
    return { der: this.#build({ spki, nodeUris, userName, serial, notBefore, notAfter }, key), notAfter };
  }
}
