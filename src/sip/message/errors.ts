import { CodedError } from '../../base/index.ts';

/**
 * `bad-uri`, `bad-header`: a value that does not follow its grammar. `bad-aor`: a URI that names no user we can
 * serve. `bad-value`: our own code tried to write a line break into a header.
 */
export type SipSyntaxErrorCode = 'bad-uri' | 'bad-header' | 'bad-aor' | 'bad-value';

/** A header value or URI that does not follow its grammar. */
export class SipSyntaxError extends CodedError<SipSyntaxErrorCode> {}
