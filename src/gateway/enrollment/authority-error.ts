import { CodedError } from '../../base/index.ts';

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
