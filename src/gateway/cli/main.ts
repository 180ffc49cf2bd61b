import { CommanderError } from 'commander';
import { CodedError, errorMessage } from '../../base/index.ts';
import { ConfigError } from '../config/config-error.ts';
import { type CliEnvironment, CommandError, printLine } from './environment.ts';
import { createProgram } from './program.ts';

/**
 * Runs one command line.
 * @param args without node and script
 * @returns the exit code: 0 done, 1 the operation failed, 2 wrong use or wrong configuration
 */
export async function main(args: readonly string[], environment = processEnvironment()): Promise<number> {
  try {
    await createProgram(environment).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed its own message already; help and version count as done.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printLine(environment.stderr, describe(error));
    return exitCode(error);
  }
}

function describe(error: unknown): string {
  if (error instanceof CodedError) return `p2psip: ${errorMessage(error)}`;
  return `p2psip: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

function exitCode(error: unknown): number {
  if (error instanceof ConfigError) return 2;
  return error instanceof CommandError && error.code === 'wrong-use' ? 2 : 1;
}

function processEnvironment(): CliEnvironment {
  let stop: AbortSignal | undefined;
  // A reader that has gone away (`| head`, a log collector that was restarted) must not end a running peer.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return {
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    get stop() {
      stop ??= onSignals();
      return stop;
    },
    onHangup: (callback) => void process.on('SIGHUP', callback),
    loadCompose: async () => (await import('../compose.ts')).composeGateway,
    loadNet: async () => {
      const { SystemNetwork, systemClock } = await import('../../net/index.ts');
      return { network: new SystemNetwork(), clock: systemClock };
    },
  };
}

/** Only for commands that ask: the others end at once, as every program does. */
function onSignals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // An operator who asks twice does not want to wait for the overlay.
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}
