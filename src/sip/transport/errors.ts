import { CodedError } from '../../base/index.ts';

/**
 * `flow-closed`: the connection is gone. `no-listener`: no UDP socket of the target's address family.
 * `too-many-connections`: our own bound. `unsupported-transport`: not one this transport opens. `stopped`: we are
 * shutting down. `keepalive-timeout`: a ping was not answered. `slow-reader`: the other side does not take our bytes.
 */
export type TransportErrorCode =
  | 'flow-closed'
  | 'no-listener'
  | 'too-many-connections'
  | 'unsupported-transport'
  | 'stopped'
  | 'keepalive-timeout'
  | 'slow-reader';

export class TransportError extends CodedError<TransportErrorCode> {}
