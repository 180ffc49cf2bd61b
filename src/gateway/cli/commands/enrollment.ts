import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Address, CodedError, isLoopback } from '../../../base/index.ts';
import { parseListenUrl } from '../../config/listen-url.ts';
import { readToken } from '../../config/secret-file.ts';
import { createLogger, type LoggerOptions } from '../../logging/winston-logger.ts';
import { PrometheusMetrics } from '../../metrics/prometheus-metrics.ts';
import { type AuthorityOptions, authorityDeps, explained, withAuthorityOptions } from '../authority.ts';
import { type CliEnvironment, CommandError, printLine, untilStopped } from '../environment.ts';

const DEFAULT_PORTS = { https: 443, http: 8061 } as const;
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

interface ServeOptions extends AuthorityOptions {
  readonly listen: string;
  readonly admin?: string;
  readonly tokenFile?: string;
  readonly logLevel: string;
  readonly logFormat: string;
}

export function addEnrollment(program: Command, environment: CliEnvironment): void {
  const enrollment = program.command('enrollment').description('the server that peers enroll at');
  withAuthorityOptions(enrollment.command('serve'))
    .requiredOption('--listen <url>', 'address to listen at, like https://0.0.0.0:8443 (port 0 = any)')
    .option('--admin <url>', 'address for /status, /metrics, /healthz, /readyz, like http://127.0.0.1:8061')
    .option('--token-file <file>', 'file with the token that callers of --admin have to show')
    .option('--log-level <level>', LEVELS.join(', '), 'info')
    .option('--log-format <format>', 'text or json', 'text')
    .description('run the enrollment and configuration server of an overlay')
    .action((options: ServeOptions) => explained(() => serve(options, environment)));
}

async function serve(options: ServeOptions, environment: CliEnvironment): Promise<void> {
  const listen = readAddress('--listen', options.listen, 'https');
  const admin = readAdmin(options);
  const logger = createLogger({ ...readLog(options), stream: environment.stderr });
  // Loaded on demand: the other commands need no HTTPS.
  const { startEnrollmentServer } = await import('../../enrollment/enrollment-server.ts');
  const server = await startEnrollmentServer(
    { ...authorityDeps, logger, metrics: new PrometheusMetrics({ processMetrics: true }) },
    { directory: resolve(options.dir), listen, admin },
  ).catch((error: unknown) => {
    const isOurs = error instanceof CodedError && /^(address-|bind-)/.test(error.code);
    throw isOurs ? new CommandError('wrong-use', error.message, { cause: error }) : error;
  });
  const { overlay, sequence, url, listening, adminUrl } = server;
  const asked = adminUrl === undefined ? '' : ` admin=${adminUrl}`;
  printLine(
    environment.stdout,
    `ready enrollment=${url} overlay=${overlay} sequence=${sequence} listen=${listening}${asked}`,
  );
  await untilStopped(environment);
  await server.stop();
}

function readAddress(option: string, text: string, wanted: 'https' | 'http'): Address {
  try {
    const { scheme, host, port = DEFAULT_PORTS[wanted] } = parseListenUrl(text);
    if (scheme === wanted) return { host, port };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
  const example = wanted === 'https' ? 'https://0.0.0.0:8443' : 'http://127.0.0.1:8061';
  throw new CommandError('wrong-use', `${option}: ${JSON.stringify(text)} is not like ${example}`);
}

function readAdmin({ admin, tokenFile }: ServeOptions) {
  if (admin === undefined) return undefined;
  const listen = readAddress('--admin', admin, 'http');
  const token =
    tokenFile === undefined ? undefined : readToken(tokenFile, { file: '--token-file', path: '' });
  if (token !== undefined || isLoopback(listen.host)) return { listen, token };
  throw new CommandError('wrong-use', '--admin: beyond loopback it needs a --token-file');
}

function readLog({ logLevel, logFormat }: ServeOptions): Pick<LoggerOptions, 'level' | 'format'> {
  const level = LEVELS.find((known) => known === logLevel);
  if (level === undefined) throw new CommandError('wrong-use', `--log-level: one of ${LEVELS.join(', ')}`);
  if (logFormat !== 'text' && logFormat !== 'json') {
    throw new CommandError('wrong-use', '--log-format: text or json');
  }
  return { level, format: logFormat };
}
