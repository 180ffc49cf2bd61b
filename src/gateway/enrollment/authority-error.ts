import { CodedError, errorMessage } from '../../base/index.ts';

/**
 * Why a directory of an overlay's authority, or an account in it, cannot be worked on. The message is one line with the
 * mend.
 * - `overlay-missing`, `overlay-exists`, `overlay-damaged`: the directory
 * - `overlay-busy`: another command is changing it
 * - `account-exists`, `account-unknown`, `account-name`: the account
 * - `bad-value`: anything else the operator gave
 */
type AuthorityErrorCode =
  | 'overlay-missing'
  | 'overlay-exists'
  | 'overlay-damaged'
  | 'overlay-busy'
  | 'account-exists'
  | 'account-unknown'
  | 'account-name'
  | 'bad-value';

export class AuthorityError extends CodedError<AuthorityErrorCode> {}

/**
 * What one of our own files holds: only we write them, whole or not at all.
 * @throws AuthorityError 'overlay-damaged' when it is not JSON all the same
 */
export function parseJson<T>(path: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    const problem = `${path} cannot be read (${errorMessage(cause)})`;
    throw new AuthorityError('overlay-damaged', `${problem}; bring it back from a backup`, { cause });
  }
}
