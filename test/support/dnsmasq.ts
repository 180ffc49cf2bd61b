import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { freeServerPort } from './ports.ts';
import { eventually } from './wait.ts';

/**
 * Starts dnsmasq for the zone `test` and waits until it answers. It is ended with the test.
 * @param records its options: `--srv-host=…`, `--naptr-record=…`, `--host-record=…`, `--cname=…`
 * @returns `address:port`
 * @throws Error with what it wrote when it ends or does not answer within 10 s
 */
export async function startDnsmasq(t: ExecutionContext, records: readonly string[]): Promise<string> {
  const port = await freeServerPort();
  const alone = ['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file='];
  const where = ['--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`, '--local=/test/'];
  const ready = '--host-record=ready.test,127.0.0.1';
  const child = spawn('dnsmasq', [...alone, ...where, '--log-facility=-', ready, ...records], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const server = `127.0.0.1:${port}`;
  const resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([server]);
  await eventually('an answer of dnsmasq', 10_000, () => {
    if (child.exitCode !== null) throw new Error(`dnsmasq ended with ${child.exitCode}\n${errors}`);
    return resolver.resolve4('ready.test').catch(() => undefined);
  });
  return server;
}
