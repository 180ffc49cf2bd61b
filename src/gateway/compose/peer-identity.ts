import type { KeyObject } from 'node:crypto';
import { CodedError, errorMessage, fromUtf8, type Logger, utf8 } from '../../base/index.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { checkCertificate, type EnrollmentClient } from '../../reload/enrollment/enrollment-client.ts';
import type { Certificate } from '../../reload/security/certificate.ts';
import { EnrolledIdentity } from '../../reload/security/enrolled-identity.ts';
import {
  createSelfSignedIdentity,
  generateKey,
  type Identity,
  type IdentityDeps,
  loadSelfSignedIdentity,
  readIdentityPem,
  saveIdentity,
} from '../../reload/security/identity.ts';
import type { OverlayConfig } from '../config/gateway-config.ts';
import type { DataDirectory } from '../persistence/data-directory.ts';

/** The self-signed identity of earlier runs, or a new one; it is saved whenever it has changed. */
export function openSelfSignedIdentity(
  data: DataDirectory,
  deps: IdentityDeps,
  { name, selfSignedPermitted }: OverlayDocument,
  { keyType }: Pick<OverlayConfig, 'keyType'>,
): Identity {
  const options = { overlay: name, digest: selfSignedPermitted?.digest ?? 'sha256' } as const;
  const stored = data.loadIdentity();
  const identity =
    stored === undefined
      ? createSelfSignedIdentity(deps, { ...options, keyType })
      : loadSelfSignedIdentity(deps, stored, options);
  data.saveIdentity(saveIdentity(identity));
  return identity;
}

/** The account that the certificate was given for, beside it in the store. */
const ACCOUNT_KEY = 'enrollment/account';

export interface EnrolledIdentityDeps extends IdentityDeps {
  readonly data: DataDirectory;
  readonly enrollment: EnrollmentClient;
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
}

/**
 * The identity that an earlier run was given by the enrollment server, if the document still welcomes it; else a new
 * certificate for the same key, or for a new one at the first start. Nothing is written when the server says no.
 * @throws CodedError<EnrollmentErrorCode>
 */
export async function openEnrolledIdentity(
  deps: EnrolledIdentityDeps,
  document: OverlayDocument,
  { keyType, username }: Pick<OverlayConfig, 'keyType'> & { readonly username: string },
): Promise<{ readonly identity: EnrolledIdentity; readonly isNew: boolean }> {
  const { data, enrollment, logger, signal } = deps;
  const pem = data.loadIdentity();
  const stored = pem === undefined ? undefined : readIdentityPem(pem);
  const refusal = stored && (refusalOf(deps, document, stored) ?? ofAnotherAccount(data, username));
  if (stored !== undefined && refusal === undefined) {
    return { identity: new EnrolledIdentity(stored.privateKey, stored.certificate), isNew: false };
  }
  const privateKey = stored?.privateKey ?? generateKey(keyType);
  logger.info('enrolling', { ...(refusal && { because: refusal.message }) });
  try {
    const identity = new EnrolledIdentity(privateKey, await enrollment.enroll(document, privateKey, signal));
    // In this order: broken off in between, the next start enrolls once more instead of taking one account's certificate
    // for the other's.
    data.saveIdentity(saveIdentity(identity));
    await data.store.write([{ key: ACCOUNT_KEY, value: utf8(username) }]);
    const { nodeId, userName } = identity;
    logger.info('enrolled', {
      nodeId,
      userName,
      until: new Date(identity.certificate.notAfter).toISOString(),
    });
    return { identity, isNew: true };
  } catch (error) {
    if (refusal === undefined || !(error instanceof CodedError)) throw error;
    throw new CodedError(
      error.code,
      `${errorMessage(error)}; the certificate it has is of no use: ${refusal.message}`,
      {
        cause: error,
      },
    );
  }
}

/** Why a kept certificate is of no use; the Node-ID belongs to the account, so that of another one could never be renewed. */
export function ofAnotherAccount(
  { store }: Pick<DataDirectory, 'store'>,
  username: string,
): Error | undefined {
  const account = store.get(ACCOUNT_KEY);
  if (account === undefined || fromUtf8(account) === username) return undefined;
  return new CodedError('other-account', `it is that of the account ${fromUtf8(account)}`);
}

function refusalOf(
  deps: IdentityDeps,
  document: OverlayDocument,
  { privateKey, certificate }: { privateKey: KeyObject; certificate: Certificate },
): Error | undefined {
  try {
    checkCertificate(deps, document, privateKey, certificate.der);
    return undefined;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return error;
  }
}
