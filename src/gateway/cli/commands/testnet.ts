import { type Command, InvalidArgumentError, Option } from 'commander';
import { errorMessage } from '../../../base/index.ts';
import { LogTail } from '../../logging/log-tail.ts';
import { createLogger } from '../../logging/winston-logger.ts';
import type { RunningGateway } from '../../running-gateway.ts';
import { startTestnet, type Testnet } from '../../testnet/testnet.ts';
import { testnetDefaults } from '../../testnet/testnet-config.ts';
import { type CliEnvironment, CommandError, printLine, untilStopped } from '../environment.ts';
import { Progress } from '../progress.ts';
import { formatTable } from '../table.ts';

interface TestnetCommandOptions {
  readonly peers: number;
  readonly gateways?: number;
  readonly users: number;
  readonly auth: 'digest' | 'none';
  readonly mode: 'proxy' | 'redirect';
  readonly overlay: string;
  readonly sipPort: number;
  readonly key: 'ec' | 'rsa';
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  readonly json?: boolean;
}

export function addTestnet(program: Command, environment: CliEnvironment): void {
  const { peers, users, auth, mode, overlay, sipPort, keyType } = testnetDefaults;
  program
    .command('testnet')
    .description('run N peers on loopback in one process, users alice and bob (password secret)')
    .option('-n, --peers <n>', 'peers', count(1, 1000), peers)
    .option('--gateways <m>', 'how many of them have SIP ports (default: 2)', count(0, 1000))
    .option('--users <n>', 'further users u000000, u000001, ...', count(0, 1_000_000), users)
    .addOption(
      new Option('--auth <kind>', 'ask phones for a password').choices(['digest', 'none']).default(auth),
    )
    .addOption(
      new Option('--mode <mode>', 'what the gateways do').choices(['proxy', 'redirect']).default(mode),
    )
    .option('--overlay <name>', 'name and SIP domain of the overlay', overlay)
    .option(
      '--sip-port <port>',
      "the first gateway's, the next ones follow; 0 = any",
      count(0, 65_000),
      sipPort,
    )
    .addOption(new Option('--key <type>', 'keys of the peers').choices(['ec', 'rsa']).default(keyType))
    .addOption(
      new Option('--log-level <level>', 'log to stderr')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('warn'),
    )
    .option('--json', 'print the table as one line of JSON')
    .action((options: TestnetCommandOptions) => testnet(options, environment));
}

function count(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`give a whole number from ${min} to ${max}.`);
  };
}

async function testnet(options: TestnetCommandOptions, environment: CliEnvironment): Promise<void> {
  const { clock } = await environment.loadNet();
  const began = clock.monotonic();
  const net = await stand(options, environment);
  if (net === undefined) return;
  const rows = net.peers.map(describe);
  const ms = Math.round(clock.monotonic() - began);
  if (options.json) {
    printLine(environment.stdout, JSON.stringify({ overlay: options.overlay, ms, peers: rows }));
  } else {
    const head = ['NODE', 'OVERLAY', 'SIP', 'ADMIN', 'SUCCESSOR'];
    const cells = rows.map((row) => [row.node, row.overlay, row.sip.join(','), row.admin, row.successor]);
    const summary = `${rows.length} peers of ${options.overlay} stand after ${(ms / 1000).toFixed(1)} s; Ctrl-C stops them`;
    printLine(environment.stdout, `${formatTable(head, cells)}\n${summary}`);
  }
  const failure = await Promise.race([untilStopped(environment), ...net.peers.map(({ failed }) => failed)]);
  await net.stop();
  if (failure !== undefined) throw new CommandError('operation-failed', `a peer gave up: ${failure.message}`);
}

/** Undefined when the operator stopped it before it stood. */
async function stand(
  options: TestnetCommandOptions,
  environment: CliEnvironment,
): Promise<Testnet | undefined> {
  const { clock } = await environment.loadNet();
  const compose = await environment.loadCompose();
  const logTail = new LogTail();
  const logger = createLogger({
    ...{ level: options.logLevel, format: 'text', stream: environment.stderr, tail: logTail },
  });
  const { peers, key, gateways = Math.min(2, peers) } = options;
  const progress = new Progress(environment.stderr, { total: peers, what: 'peers joined' });
  try {
    return await startTestnet(
      { compose, clock, logger, logTail, signal: environment.stop },
      { ...options, gateways: Math.min(gateways, peers), keyType: key },
      (joined) => progress.show(joined),
    );
  } catch (error) {
    if (environment.stop.aborted) return undefined;
    throw new CommandError('operation-failed', `the testnet does not stand: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function describe(peer: RunningGateway) {
  return {
    node: peer.nodeId,
    overlay: peer.overlayUris[0],
    sip: peer.sipUris,
    admin: peer.adminUrl,
    successor: peer.admin.ring().successors[0],
  };
}
