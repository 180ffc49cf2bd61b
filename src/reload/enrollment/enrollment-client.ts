import type { KeyObject } from 'node:crypto';
import {
  type Clock,
  CodedError,
  errorMessage,
  type HttpClient,
  type HttpResponse,
  type Random,
  utf8,
} from '../../base/index.ts';
import { trustOfDocument } from '../document/document-trust.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { Certificate } from '../security/certificate.ts';
import { buildCertificateRequest } from '../security/certificate-request-builder.ts';
import { CertificateStore } from '../security/certificate-store.ts';
import { EnrolledIdentity } from '../security/enrolled-identity.ts';
import { writeFormData } from './form-data.ts';
import { mediaType } from './http-answers.ts';
import type { OverlayServer, OverlayServers } from './overlay-servers.ts';
import { PKCS10, PKIX_CERT } from './protocol.ts';

/** One server may take this long: it hashes a password and signs. */
const TIMEOUT_MS = 10_000;
/** As large as a certificate may be. */
const MAX_CERTIFICATE_BYTES = 16_384;
const BOUNDARY_BYTES = 16;

/**
 * Why there is no certificate.
 * - `enrollment-unreachable`: no server answers, or it has no time
 * - `enrollment-untrusted`: its TLS certificate is expired, of another name, or of nobody we trust
 * - `enrollment-refused`: it says no
 * - `enrollment-invalid`: what it gives is no certificate for us in this overlay
 * - `no-enrollment-server`: the document names none that can be used
 */
type EnrollmentErrorCode =
  | 'enrollment-unreachable'
  | 'enrollment-untrusted'
  | 'enrollment-refused'
  | 'enrollment-invalid'
  | 'no-enrollment-server';

export interface EnrollmentClientOptions {
  /** Account name; the user name in our certificate is to be the same, with the overlay's name behind it if it has none. */
  readonly username: string;
  /** Read anew each time: it may have been changed. */
  readonly password: () => string;
}

/** Gets our certificate from an enrollment server (RFC 6940 §11.3). */
export class EnrollmentClient {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #http: HttpClient;
  readonly #servers: OverlayServers;
  readonly #options: EnrollmentClientOptions;

  constructor(
    deps: {
      readonly clock: Clock;
      readonly random: Random;
      readonly http: HttpClient;
      readonly servers: OverlayServers;
    },
    options: EnrollmentClientOptions,
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#http = deps.http;
    this.#servers = deps.servers;
    this.#options = options;
  }

  /**
   * A certificate for this key, checked against the document: issued by a root-cert of it, valid now, with one Node-ID
   * and one user name.
   * @throws CodedError<EnrollmentErrorCode>, or the signal's reason
   */
  async enroll(document: OverlayDocument, privateKey: KeyObject, signal?: AbortSignal): Promise<Certificate> {
    let failure: unknown = refusal('no-enrollment-server', 'the document names no enrollment server');
    for (const server of this.#servers.enrollment(document.enrollmentServers)) {
      try {
        const response = await this.#post(server, document.name, privateKey, signal);
        return this.#certificate(response, server, document, privateKey);
      } catch (error) {
        signal?.throwIfAborted();
        failure = error;
        // A no is an answer; another server has the same accounts.
        if (error instanceof CodedError && error.code === 'enrollment-refused') throw error;
      }
    }
    throw failure;
  }

  async #post(
    { url, tls, connectTo }: OverlayServer,
    overlay: string,
    privateKey: KeyObject,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    const { username, password } = this.#options;
    const userName = username.includes('@') ? username : `${username}@${overlay}`;
    const { contentType, body } = writeFormData(
      [
        { name: 'username', value: utf8(username) },
        { name: 'password', value: utf8(password()) },
        { name: 'csr', contentType: PKCS10, value: buildCertificateRequest(privateKey, userName) },
      ],
      this.#random.bytes(BOUNDARY_BYTES),
    );
    try {
      return await this.#http.request({
        method: 'POST',
        url,
        headers: { accept: PKIX_CERT, 'content-type': contentType },
        body,
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_CERTIFICATE_BYTES,
        tls,
        ...(connectTo && { connectTo }),
        ...(signal && { signal }),
      });
    } catch (cause) {
      if (cause instanceof CodedError && cause.code === 'http-certificate') {
        throw refusal('enrollment-untrusted', errorMessage(cause), cause);
      }
      const message = `the enrollment server does not answer: ${errorMessage(cause)}`;
      throw refusal('enrollment-unreachable', message, cause);
    }
  }

  #certificate(
    response: HttpResponse,
    { url }: OverlayServer,
    document: OverlayDocument,
    privateKey: KeyObject,
  ): Certificate {
    const { host } = new URL(url);
    if (response.status !== 200) throw this.#refusalOf(response, host);
    if (mediaType(response.headers.get('content-type')) !== PKIX_CERT) {
      throw refusal('enrollment-invalid', `${host} does not answer with a certificate (${PKIX_CERT})`);
    }
    try {
      return checkCertificate({ clock: this.#clock }, document, privateKey, response.body);
    } catch (cause) {
      throw refusal(
        'enrollment-invalid',
        `${host} gave an unusable certificate: ${errorMessage(cause)}`,
        cause,
      );
    }
  }

  #refusalOf({ status, body }: HttpResponse, host: string): CodedError<EnrollmentErrorCode> {
    if (status === 403) {
      const token = Buffer.from(body.subarray(0, 64)).toString('latin1').trim();
      // "If the client receives an unknown token in the body, it SHOULD treat it as a failure for an unknown reason."
      const why = TOKENS[token]?.(this.#options.username) ?? 'for a reason that it does not give';
      return refusal('enrollment-refused', `${host} refuses to enroll us: ${why}`);
    }
    const busy = status === 429 || status >= 500;
    return refusal(
      busy ? 'enrollment-unreachable' : 'enrollment-refused',
      `${host} answers ${status} when asked for a certificate`,
    );
  }
}

/** RFC 6940 §11.3. */
const TOKENS: Readonly<Record<string, (username: string) => string>> = {
  failed_authentication: (username) => `${username} has no account there, or another password`,
  username_not_available: (username) => `${username} may not have that user name`,
  'Node-IDs_not_available': () => 'it has no Node-ID to give',
  bad_CSR: () => 'it cannot use our certification request',
};

/**
 * Whether a certificate makes its holder a node of the overlay that a document describes. RFC 6940 §11.3: "The client
 * MUST check that the returned certificate chains back to one of the certificates received in the 'root-cert' list".
 * @throws CodedError with a CertificateErrorCode, or 'bad-identity'
 */
export function checkCertificate(
  deps: { readonly clock: Clock },
  document: OverlayDocument,
  privateKey: KeyObject,
  der: Uint8Array,
): Certificate {
  const trust = trustOfDocument(deps, { ...document, selfSignedPermitted: undefined });
  const certificate = new CertificateStore({ ...deps, trust }, { capacity: 1 }).verify(der);
  // One key, one Node-ID, one user name.
  return new EnrolledIdentity(privateKey, certificate).certificate;
}

function refusal(
  code: EnrollmentErrorCode,
  message: string,
  cause?: unknown,
): CodedError<EnrollmentErrorCode> {
  return new CodedError(code, message, { origin: 'remote', cause });
}
