/** Whether the failure arose here or was reported by the other side. */
export type ErrorOrigin = 'local' | 'remote';

/**
 * Base of all errors this project throws on purpose. `code` is a literal that callers may switch on;
 * the mapping to a SIP status or a RELOAD error code stands in one place per layer.
 */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly origin: ErrorOrigin;

  constructor(code: Code, message: string, options: { origin?: ErrorOrigin; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.origin = options.origin ?? 'local';
  }
}

/** The text of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
