import {
  type Clock,
  CodedError,
  fromUtf8,
  type HttpRequest,
  type HttpResponse,
  type Logger,
  type Metrics,
} from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Accounts, EnrollmentAccount } from './accounts.ts';
import { AttemptLimits, RETRY_AFTER_S } from './attempt-limits.ts';
import type { CertificateIssuer } from './certificate-issuer.ts';
import { type CertificateRequest, readCertificateRequest } from './certificate-request.ts';
import { answer, mediaType, textAnswer } from './http-answers.ts';
import { type FormPart, parseMultipart } from './multipart.ts';
import { PasswordChecks } from './password-checks.ts';
import { NOBODYS_PASSWORD } from './password-hash.ts';
import { PKCS10, PKIX_CERT } from './protocol.ts';

/** RFC 6940 §11.3: what the body of a 403 says. */
type EnrollmentToken =
  | 'failed_authentication'
  | 'username_not_available'
  | 'Node-IDs_not_available'
  | 'bad_CSR';

export interface EnrollmentServiceDeps {
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly issuer: CertificateIssuer;
  /** The bad-node elements of the document in force. */
  readonly badNodes: () => ReadonlySet<NodeId>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Node-IDs of one account; our own peers have one. */
const MAX_NODE_IDS = 8;
const CERTIFICATE_LIFETIME_MS = 30 * 86_400_000;
/** A certification request of RSA-8192 has 2 kB. */
const MAX_FORM_BYTES = 65_536;
const MAX_NAME_BYTES = 254;
const MAX_PASSWORD_BYTES = 1_024;

/** Why an account does not count any more that did when its password was looked at. */
const CHANGED = 'it was removed meanwhile, or got another password';

/** The enrollment server of RFC 6940 §11.3: a form with a certification request in, a certificate out. */
export class EnrollmentService {
  readonly #deps: EnrollmentServiceDeps;
  readonly #limits: AttemptLimits;
  readonly #passwords = new PasswordChecks();
  readonly #issued;

  constructor(deps: EnrollmentServiceDeps) {
    this.#deps = deps;
    this.#limits = new AttemptLimits(deps);
    this.#issued = deps.metrics.counter('enrollment_certificates_total', 'Certificates issued to nodes');
  }

  readonly handle = async (request: HttpRequest): Promise<HttpResponse> => {
    const refusal = refusalOfHead(request);
    if (refusal !== undefined) return refusal;
    try {
      const form = parseMultipart(request.headers.get('content-type')!, request.body);
      return await this.#enroll(form, request.remote.host);
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      if (error instanceof CodedError && error.code === 'form-malformed') {
        return textAnswer(400, error.message);
      }
      throw error;
    }
  };

  async #enroll(form: ReadonlyMap<string, FormPart>, host: string): Promise<HttpResponse> {
    const { accounts, issuer, logger } = this.#deps;
    const account = await this.#authenticate(form, host);
    const count = this.#nodeIdCount(form, account);
    const { spki } = this.#request(form, account);
    const nodeIds = await accounts.nodeIds(account, count);
    if (nodeIds === undefined) return this.#refuse('failed_authentication', account.name, CHANGED);
    // The document would make any certificate with it worthless.
    const bad = nodeIds.find((nodeId) => this.#deps.badNodes().has(nodeId));
    if (bad !== undefined)
      return this.#refuse('Node-IDs_not_available', account.name, `${bad} is a bad-node`);
    const order = { spki, nodeIds: nodeIds.slice(0, count), userName: account.name };
    const { der, notAfter } = issuer.issue({ ...order, lifetimeMs: CERTIFICATE_LIFETIME_MS });
    if (!(await accounts.noteCertificate(account, notAfter))) {
      return this.#refuse('failed_authentication', account.name, CHANGED);
    }
    this.#issued.inc();
    logger.info('certificate issued', { account: account.name, nodeIds: order.nodeIds, host });
    return answer(200, PKIX_CERT, der);
  }

  async #authenticate(form: ReadonlyMap<string, FormPart>, host: string): Promise<EnrollmentAccount> {
    const name = fromUtf8(form.get('username')?.body ?? new Uint8Array());
    const password = form.get('password')?.body ?? new Uint8Array();
    if (name === '' || Buffer.byteLength(name) > MAX_NAME_BYTES || password.length > MAX_PASSWORD_BYTES) {
      // No attempt is counted, so anybody could fill the log with it.
      this.#deps.logger.debug('enrollment without a usable username and password', { host });
      this.#count('failed_authentication');
      throw refusalWith('failed_authentication');
    }
    const succeeded = this.#limits.begin(name, host);
    if (succeeded === undefined) {
      this.#deps.logger.debug('enrollment slowed down', { account: name, host });
      this.#count('too_many_attempts');
      throw new Refusal(textAnswer(429, 'too many attempts', { 'retry-after': String(RETRY_AFTER_S) }));
    }
    const account = await this.#deps.accounts.find(name);
    // An account that does not exist takes as long: nobody finds out names here.
    const isRight = await this.#passwords.verify(account?.password ?? NOBODYS_PASSWORD, password);
    if (isRight === undefined) {
      succeeded();
      throw new Refusal(textAnswer(503, 'busy', { 'retry-after': '5' }));
    }
    if (account === undefined || !isRight) {
      return this.#refuse('failed_authentication', name, `wrong name or password, from ${host}`);
    }
    succeeded();
    return account;
  }

  /** "If more than one Node-ID is required, there MUST be a form parameter of "nodeids"". */
  #nodeIdCount(form: ReadonlyMap<string, FormPart>, { name }: EnrollmentAccount): number {
    const field = form.get('nodeids');
    if (field === undefined) return 1;
    const text = fromUtf8(field.body).trim();
    const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
    if (count >= 1 && count <= MAX_NODE_IDS) return count;
    return this.#refuse('Node-IDs_not_available', name, `not 1 to ${MAX_NODE_IDS} Node-IDs are asked for`);
  }

  #request(form: ReadonlyMap<string, FormPart>, { name }: EnrollmentAccount): CertificateRequest {
    const field = form.get('csr');
    if (field === undefined) return this.#refuse('bad_CSR', name, 'there is no field csr');
    if (field.contentType !== PKCS10) {
      return this.#refuse('bad_CSR', name, `the type of the field csr is not ${PKCS10}`);
    }
    const request = this.#read(field.body, name);
    const other = request.userNames.find((userName) => userName !== name);
    if (other !== undefined) {
      return this.#refuse('username_not_available', name, `it asks for the name ${JSON.stringify(other)}`);
    }
    if (request.hasForeignNames) {
      return this.#refuse('bad_CSR', name, 'it asks for names that no node may have');
    }
    return request;
  }

  #read(body: Uint8Array, account: string): CertificateRequest {
    try {
      return readCertificateRequest(body);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return this.#refuse('bad_CSR', account, error.message);
    }
  }

  #refuse(token: EnrollmentToken, account: string, reason: string): never {
    this.#count(token);
    this.#deps.logger.warn('enrollment refused', { account, token, reason });
    throw refusalWith(token);
  }

  #count(reason: string): void {
    this.#deps.metrics.counter('enrollment_refusals_total', 'Enrollment requests refused', { reason }).inc();
  }
}

class Refusal extends Error {
  readonly answer: HttpResponse;

  constructor(refusal: HttpResponse) {
    super();
    this.answer = refusal;
  }
}

function refusalWith(token: EnrollmentToken): Refusal {
  return new Refusal(textAnswer(403, token));
}

function refusalOfHead({ method, headers, body }: HttpRequest): HttpResponse | undefined {
  if (method !== 'POST') return textAnswer(405, 'enrollment is a POST', { allow: 'POST' });
  if (mediaType(headers.get('content-type')) !== 'multipart/form-data') {
    return textAnswer(415, 'the request has to be multipart/form-data');
  }
  if (body.length > MAX_FORM_BYTES) return textAnswer(413, 'the request is too large');
  const accept = headers.get('accept') ?? PKIX_CERT;
  const accepts = accept.split(',').map(mediaType);
  if (![PKIX_CERT, 'application/*', '*/*'].some((type) => accepts.includes(type))) {
    return textAnswer(406, `the answer is ${PKIX_CERT}`);
  }
  return undefined;
}
