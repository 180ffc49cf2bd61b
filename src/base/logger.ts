/** Structured values of one log entry; never a secret, a password, a digest response or a private key. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  /** True when debug entries are written: guard their construction on hot paths. */
  readonly debugEnabled: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each of its entries. */
  child(fields: LogFields): Logger;
}

/** Swallows everything. */
export const silentLogger: Logger = {
  debugEnabled: false,
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
