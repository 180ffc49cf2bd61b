import { spawn } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import { noMetrics } from '../../src/base/index.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../src/net/index.ts';
import { type NgAnswer, NgClient } from '../../src/sip/media/ng-client.ts';
import { freePort, freePortRange } from './ports.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { eventually } from './wait.ts';

const PORTS = 100;

export interface Rtpengine {
  /** For `media.rtpengine`. */
  readonly url: string;
  /** Whether media that is sent there goes to the relay. */
  hasPort(port: number): boolean;
  /** Calls it knows of. */
  calls(): Promise<readonly string[]>;
  /** What it has said. */
  readonly log: () => string;
}

/** rtpengine of Debian, without its kernel module, on loopback; killed when the test ends. */
export async function startRtpengine(t: ExecutionContext): Promise<Rtpengine> {
  const port = await freePort();
  const first = await freePortRange(PORTS);
  const options = {
    'config-file': 'none',
    table: '-1',
    interface: '127.0.0.1',
    'listen-ng': `127.0.0.1:${port}`,
    'port-min': String(first),
    'port-max': String(first + PORTS - 1),
    pidfile: `${temporaryDirectory('rtpengine')}/pid`,
    'log-level': '6',
    'num-threads': '2',
  };
  const args = [
    '-f',
    '--log-stderr',
    ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
  ];
  const child = spawn('rtpengine', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log += chunk;
    });
  }
  t.teardown(() => child.kill('SIGKILL'));
  const deps = { clock: systemClock, random: systemRandom, network: new SystemNetwork(), metrics: noMetrics };
  const client = new NgClient(deps, { server: { host: '127.0.0.1', port } });
  await client.start();
  t.teardown(() => client.stop());
  const answers = () =>
    client.request({ command: 'ping' }).then(
      () => true,
      () => false,
    );
  await eventually('rtpengine answers', 15_000, answers).catch((error: Error) => {
    throw new Error(`${error.message}; it said: ${log}`);
  });
  return {
    url: `udp://127.0.0.1:${port}`,
    hasPort: (one) => one >= first && one < first + PORTS,
    calls: async () => ((await client.request({ command: 'list' })) as NgAnswer).calls as readonly string[],
    log: () => log,
  };
}
