import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CodedError } from '../../../base/index.ts';
import type { GatewayConfig } from '../../config/gateway-config.ts';
import { type LoadedConfig, loadConfig } from '../../config/load-config.ts';
import { LogTail } from '../../logging/log-tail.ts';
import { createLogger, type LeveledLogger } from '../../logging/winston-logger.ts';
import { PrometheusMetrics } from '../../metrics/prometheus-metrics.ts';
import type { RunningGateway } from '../../running-gateway.ts';
import { type ConfigOptions, withConfigOptions } from '../config-options.ts';
import { type CliEnvironment, CommandError, printLine, untilStopped } from '../environment.ts';
import { explainStartError } from '../start-error.ts';

/** How long a start that the operator broke off may take to clean up. */
const ABORTED_START_MS = 5_000;

type RunOptions = ConfigOptions & { readonly trace?: string };

export function addRun(program: Command, environment: CliEnvironment): void {
  withConfigOptions(program.command('run'))
    .description('run one peer: proxy, redirector or plain peer, as its file says')
    .option('--trace <file>', 'write every message into this file, for Wireshark where it ends in .pcapng')
    .action(({ trace, ...options }: RunOptions) => {
      // From where the command was typed, as every file that is named on a command line.
      const sets = trace === undefined ? [] : [`trace=${JSON.stringify(resolve(trace))}`];
      return run({ ...options, set: [...options.set, ...sets] }, environment);
    });
}

async function run(options: ConfigOptions, environment: CliEnvironment): Promise<void> {
  const { config, warnings } = loadConfig(options.config, options.set);
  const tail = new LogTail();
  const logger = createLogger({ ...config.log, stream: environment.stderr, tail });
  for (const warning of warnings) logger.warn(warning);
  const load = () => loadConfig(options.config, options.set);
  let gateway: RunningGateway | undefined;
  environment.onHangup(() => reload(gateway));
  gateway = await start({ config, load }, { logger, logTail: tail }, environment);
  if (gateway === undefined) return;
  printLine(environment.stdout, gateway.readyLine);
  const failure = await Promise.race([gateway.failed, untilStopped(environment)]);
  await gateway.stop();
  if (failure === undefined) return;
  const { line, exitCode } = explainStartError(failure, config);
  throw new CommandError(exitCode === 2 ? 'wrong-use' : 'operation-failed', line, { cause: failure });
}

/** SIGHUP; before the peer stands it means nothing. A refusal is in the log already. */
function reload(gateway: RunningGateway | undefined): void {
  try {
    gateway?.admin.reload();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
}

/** Undefined when the operator stopped the peer before it stood. */
async function start(
  { config, load }: { readonly config: GatewayConfig; readonly load: () => LoadedConfig },
  { logger, logTail }: { readonly logger: LeveledLogger; readonly logTail: LogTail },
  environment: CliEnvironment,
): Promise<RunningGateway | undefined> {
  const compose = await environment.loadCompose();
  const metrics = new PrometheusMetrics({ processMetrics: true });
  const starting = compose(config, {
    ...{ logger, logTail, metrics, signal: environment.stop },
    reloading: { load, setLogLevel: (level) => logger.setLevel(level) },
  });
  try {
    const gateway = await Promise.race([starting, brokenOff(environment.stop)]);
    if (gateway !== undefined && environment.stop.aborted) await gateway.stop();
    return environment.stop.aborted ? undefined : gateway;
  } catch (error) {
    if (environment.stop.aborted) return undefined;
    const { line, exitCode } = explainStartError(error, config);
    throw new CommandError(exitCode === 2 ? 'wrong-use' : 'operation-failed', line, { cause: error });
  }
}

/** Resolves a while after `stop`, in case the start does not heed it. */
function brokenOff(stop: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const later = () => setTimeout(resolve, ABORTED_START_MS, undefined).unref();
    if (stop.aborted) later();
    else stop.addEventListener('abort', later, { once: true });
  });
}
