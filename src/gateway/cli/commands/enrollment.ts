import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Address, CodedError, noMetrics } from '../../../base/index.ts';
import { parseListenUrl } from '../../config/listen-url.ts';
import { createLogger, type LoggerOptions } from '../../logging/winston-logger.ts';
import { type AuthorityOptions, authorityDeps, explained, withAuthorityOptions } from '../authority.ts';
import { type CliEnvironment, CommandError, printLine, untilStopped } from '../environment.ts';

const HTTPS_PORT = 443;
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

interface ServeOptions extends AuthorityOptions {
  readonly listen: string;
  readonly logLevel: string;
  readonly logFormat: string;
}

export function addEnrollment(program: Command, environment: CliEnvironment): void {
  const enrollment = program.command('enrollment').description('the server that peers enroll at');
  withAuthorityOptions(enrollment.command('serve'))
    .requiredOption('--listen <url>', 'address to listen at, like https://0.0.0.0:8443 (port 0 = any)')
    .option('--log-level <level>', LEVELS.join(', '), 'info')
    .option('--log-format <format>', 'text or json', 'text')
    .description('run the enrollment and configuration server of an overlay')
    .action((options: ServeOptions) => explained(() => serve(options, environment)));
}

async function serve(options: ServeOptions, environment: CliEnvironment): Promise<void> {
  const listen = readListen(options.listen);
  const logger = createLogger({ ...readLog(options), stream: environment.stderr });
  // Loaded on demand: the other commands need no HTTPS.
  const { startEnrollmentServer } = await import('../../enrollment/enrollment-server.ts');
  const server = await startEnrollmentServer(
    { ...authorityDeps, logger, metrics: noMetrics },
    { directory: resolve(options.dir), listen },
  ).catch((error: unknown) => {
    const isOurs = error instanceof CodedError && /^(address-|bind-)/.test(error.code);
    throw isOurs ? new CommandError('wrong-use', `--listen: ${error.message}`, { cause: error }) : error;
  });
  const { overlay, sequence, url, listening } = server;
  printLine(
    environment.stdout,
    `ready enrollment=${url} overlay=${overlay} sequence=${sequence} listen=${listening}`,
  );
  await untilStopped(environment);
  await server.stop();
}

function readListen(text: string): Address {
  try {
    const { scheme, host, port = HTTPS_PORT } = parseListenUrl(text);
    if (scheme === 'https') return { host, port };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
  throw new CommandError('wrong-use', `--listen: ${JSON.stringify(text)} is not like https://0.0.0.0:8443`);
}

function readLog({ logLevel, logFormat }: ServeOptions): Pick<LoggerOptions, 'level' | 'format'> {
  const level = LEVELS.find((known) => known === logLevel);
  if (level === undefined) throw new CommandError('wrong-use', `--log-level: one of ${LEVELS.join(', ')}`);
  if (logFormat !== 'text' && logFormat !== 'json') {
    throw new CommandError('wrong-use', '--log-format: text or json');
  }
  return { level, format: logFormat };
}
