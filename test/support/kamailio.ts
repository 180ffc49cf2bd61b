import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { requireAll, requirePrograms } from './programs.ts';
import { projectRoot } from './project.ts';
import { formatSip } from './sip-text.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { eventually } from './wait.ts';

export interface KamailioOptions {
  /** On loopback, for UDP and TCP. */
  port: number;
  /** Where it sends what is not its own, on loopback. */
  gatewayPort: number;
  /** Between it and the gateway; its phones come over UDP. Default `udp`. */
  transport?: 'udp' | 'tcp' | 'tls';
  /** Of its listener for TLS. */
  tls?: { port: number; cert: string; key: string };
  /** `edge`: its phones are the gateway's users; `registrar`: it has users of its own. */
  role: 'edge' | 'registrar';
  /** A domain that is its own beside its address. */
  domain?: string;
}

/** Debian keeps the modules under the machine's triplet. */
function moduleDirectory(): string {
  const roots = [
    '/usr/lib',
    ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`),
    '/usr/local/lib64',
  ];
  const found = roots.map((root) => `${root}/kamailio/modules/`).find((one) => existsSync(one));
  if (found === undefined) throw new Error('kamailio is installed without its modules');
  return found;
}

/** Kamailio with its module for TLS, which is a package of its own; else as `requirePrograms`. */
export function requireKamailioWithTls(t: ExecutionContext): boolean {
  if (!requirePrograms(t, 'kamailio')) return false;
  const isThere = existsSync(path.join(moduleDirectory(), 'tls.so'));
  return requireAll(t, isThere ? [] : ['kamailio-tls-modules']);
}

/**
 * Starts Kamailio with test/fixtures/kamailio.cfg and waits until it answers. It is ended with the test.
 * @throws Error with what it wrote when it ends or does not answer within 10 s
 */
export async function startKamailio(t: ExecutionContext, options: KamailioOptions): Promise<void> {
  const { port, gatewayPort, role, domain, transport = 'udp', tls } = options;
  const gateway = `sip:127.0.0.1:${gatewayPort}${transport === 'udp' ? '' : `;transport=${transport}`}`;
  const directory = temporaryDirectory('kamailio');
  const child = spawn(
    'kamailio',
    [
      ...['-DD', '-E', '-f', path.join(projectRoot, 'test/fixtures/kamailio.cfg'), '-L', moduleDirectory()],
      ...['-l', `udp:127.0.0.1:${port}`, '-A', `GATEWAY="${gateway}"`],
      ...(transport === 'udp' ? [] : ['-A', 'TCP', '-l', `tcp:127.0.0.1:${port}`]),
      ...(tls === undefined ? [] : ['-l', `tls:127.0.0.1:${tls.port}`]),
      ...(tls === undefined ? [] : ['-A', `TLS_CERT="${tls.cert}"`, '-A', `TLS_KEY="${tls.key}"`]),
      ...(role === 'edge' ? ['-A', 'EDGE'] : []),
      ...(domain === undefined ? [] : ['-A', `DOMAIN="${domain}"`]),
      ...['-m', '64', '-M', '8', '-Y', directory, '-P', path.join(directory, 'pid')],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exited = once(child, 'exit');
  // Its workers end with the main process, which must live to end them: no SIGKILL.
  t.teardown(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const probe = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(probe, 'listening');
  let answered = false;
  probe.on('message', () => {
    answered = true;
  });
  try {
    await eventually('an answer of Kamailio', 10_000, () => {
      if (child.exitCode !== null) throw new Error(`Kamailio ended with ${child.exitCode}\n${errors}`);
      if (!answered) probe.send(optionsTo(port, probe.address().port), port, '127.0.0.1');
      return answered;
    });
  } finally {
    probe.close();
  }
}

function optionsTo(port: number, own: number): string {
  return formatSip(`OPTIONS sip:127.0.0.1:${port} SIP/2.0`, [
    ['Via', `SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bKready`],
    ['Max-Forwards', '1'],
    ['From', '<sip:probe@127.0.0.1>;tag=1'],
    ['To', `<sip:127.0.0.1:${port}>`],
    ['Call-ID', 'ready'],
    ['CSeq', '1 OPTIONS'],
  ]);
}
