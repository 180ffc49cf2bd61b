import { CodedError } from '../../base/index.ts';

/**
 * `data-in-use`: another process holds the directory. `data-unusable`: it cannot be made or written.
 * `store-damaged`, `store-version`, `identity-damaged`: what is in it cannot be read, or only by a newer version.
 */
export type DataErrorCode =
  | 'data-in-use'
  | 'data-unusable'
  | 'store-damaged'
  | 'store-version'
  | 'identity-damaged';

/** The data directory cannot be used as it is; the operator has to act. The message is `<problem>; <mend>`. */
export class DataError extends CodedError<DataErrorCode> {
  readonly problem: string;

  constructor(code: DataErrorCode, problem: string, mend: string, cause?: unknown) {
    super(code, `${problem}; ${mend}`, { cause });
    this.problem = problem;
  }
}
