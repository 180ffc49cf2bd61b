import type { Readable, Writable } from 'node:stream';
import type { Clock, Network } from '../../base/index.ts';
import { CodedError } from '../../base/index.ts';
import type { ComposeGateway } from '../running-gateway.ts';

/** What the commands touch outside themselves; tests hand in their own. */
export interface CliEnvironment {
  /** Where a password comes from; `isTTY` when somebody types it. */
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Answers and the ready line. */
  readonly stdout: Writable;
  /** Everything else: logs, progress, errors. */
  readonly stderr: Writable;
  /** Aborted by SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** Calls back at each SIGHUP from now on. */
  onHangup(callback: () => void): void;
  /** Loaded on demand: `p2psip status` need not read the whole peer. */
  loadCompose(): Promise<ComposeGateway>;
  loadNet(): Promise<{ network: Network; clock: Clock }>;
}

/**
 * What a command ends with when it does not succeed: `operation-failed` exits 1 (not found, unreachable),
 * `wrong-use` exits 2 (arguments, configuration).
 */
export class CommandError extends CodedError<'operation-failed' | 'wrong-use'> {}

export function printLine(stream: Writable, line: string): void {
  stream.write(`${line}\n`);
}

/** Resolves when the operator wants us gone. */
export function untilStopped({ stop }: CliEnvironment): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    stop.addEventListener('abort', () => resolve(), { once: true });
  });
}
