import { CodedError } from '../../base/index.ts';

/**
 * `flow-closed`: the connection is gone. `no-listener`: no UDP socket of the target's address family.
 * `too-many-connections`: our own bound. `unsupported-transport`: not one this transport opens. `stopped`: we are
 * shutting down. `keepalive-timeout`: a ping was not answered. `slow-reader`: the other side does not take our bytes.
 * `too-much-unfinished`: all connections together hold too much of messages that are not whole.
 */
export type TransportErrorCode =
  | 'flow-closed'
  | 'no-listener'
  | 'too-many-connections'
  | 'unsupported-transport'
  | 'stopped'
  | 'keepalive-timeout'
  | 'slow-reader'
  | 'too-much-unfinished';

export class TransportError extends CodedError<TransportErrorCode> {}
