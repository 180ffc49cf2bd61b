import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { Baresip } from './baresip.ts';
import type { GatewayProcess } from './gateway.ts';
import { freePort } from './ports.ts';
import { run } from './process.ts';
import { projectRoot } from './project.ts';
import { SipJsPhone } from './sip-js-phone.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const DOMAIN = 'example.org';
const PASSWORD = 'secret';

/** A phone of some make that is registered, answers every call, and makes some. */
export interface Endpoint {
  readonly kind: EndpointKind;
  readonly user: string;
  /** Calls, and hangs up once the call stands. @throws Error when it does not stand, or does not end as it should */
  call(user: string): Promise<void>;
  /** Takes the next call, and sees it to its end. */
  answer(): Promise<void>;
}

export const endpointKinds = [
  'baresip udp',
  'baresip tcp',
  'baresip tls',
  'SIPp udp',
  'SIPp tcp',
  'sip.js ws',
  'sip.js wss',
] as const;

export type EndpointKind = (typeof endpointKinds)[number];

export interface EndpointOptions {
  readonly kind: EndpointKind;
  readonly user: string;
  readonly peer: GatewayProcess;
  /** PEM of who vouches for the peers' certificates. */
  readonly authority: string;
}

/** Starts and registers one; it ends with the test. */
export function startEndpoint(t: ExecutionContext, options: EndpointOptions): Promise<Endpoint> {
  const [make] = options.kind.split(' ');
  if (make === 'baresip') return startBaresip(t, options);
  return make === 'SIPp' ? startSipp(t, options) : startSipJs(t, options);
}

function transportOf<T extends string>({ kind }: EndpointOptions): T {
  return kind.split(' ')[1] as T;
}

async function startBaresip(t: ExecutionContext, options: EndpointOptions): Promise<Endpoint> {
  const { kind, user, peer, authority } = options;
  const transport = transportOf<'udp' | 'tcp' | 'tls'>(options);
  const phone = await Baresip.open(t, { user, peer, transport, authority });
  return {
    kind,
    user,
    async call(callee) {
      phone.events.length = 0;
      phone.command('dial', `sip:${callee}@${DOMAIN}`);
      await phone.event('CALL_ESTABLISHED', 8000);
      phone.command('hangup');
      await phone.event('CALL_CLOSED', 5000);
    },
    async answer() {
      phone.events.length = 0;
      await phone.event('CALL_ESTABLISHED', 8000);
      await phone.event('CALL_CLOSED', 8000);
    },
  };
}

async function startSipJs(t: ExecutionContext, options: EndpointOptions): Promise<Endpoint> {
  const { kind, user, peer } = options;
  const transport = transportOf<'ws' | 'wss'>(options);
  const phone = await SipJsPhone.open(t, { user, transport, port: peer.sipPort(transport) });
  const status = await phone.register();
  if (status !== 200) throw new Error(`${user}: REGISTER ${status}`);
  return {
    kind,
    user,
    async call(callee) {
      const call = await phone.call(callee);
      await call.until('200');
      const bye = await call.bye();
      if (bye !== 200) throw new Error(`BYE: ${bye}`);
    },
    async answer() {
      const call = await phone.nextCall();
      await call.session.accept();
      await call.until('BYE');
    },
  };
}

async function startSipp(t: ExecutionContext, options: EndpointOptions): Promise<Endpoint> {
  const { kind, user, peer } = options;
  const transport = transportOf<'udp' | 'tcp'>(options);
  const server = `127.0.0.1:${peer.sipPort(transport)}`;
  const directory = temporaryDirectory('sipp');
  const common = (port: number) => [
    ...['-i', '127.0.0.1', '-p', String(port), '-t', `${transport[0]}1`, '-nostdin'],
    ...['-key', 'dom', DOMAIN, '-key', 'user', user, '-key', 'caller', user, '-key', 'expires', '600'],
    ...['-au', user, '-ap', PASSWORD, '-auth_uri', DOMAIN],
  ];
  const client = async (scenario: string, ...more: string[]) => {
    const limits = ['-m', '1', '-recv_timeout', '10000', '-timeout', '20s', '-timeout_error', '-d', '100'];
    const errors = ['-trace_err', '-error_file', path.join(directory, 'errors')];
    const args = [server, '-sf', scenario, ...common(await freePort()), ...limits, ...errors, ...more];
    const { code } = await run('sipp', args, { cwd: directory });
    if (code !== 0) throw new Error(`SIPp ${path.basename(scenario)}: ${code}\n${errorsOf(directory)}`);
  };
  const port = await freePort();
  const answering = ['-m', '1000', '-d', '100', '-default_behaviors', 'all,-bye,-abortunexp'];
  const child = spawn('sipp', ['-sf', scenarioFile('phone-answers'), ...common(port), ...answering], {
    cwd: directory,
    stdio: 'ignore',
  });
  t.teardown(() => end(child));
  await client(scenarioFile('register'), '-key', 'contact', `127.0.0.1:${port}`);
  const calling = path.join(directory, 'call.xml');
  // Those that answer by themselves need not ring.
  const anyRinging = readFileSync(scenarioFile('call'), 'utf8').replace(
    '<recv response="180"/>',
    '<recv response="180" optional="true"/>',
  );
  writeFileSync(calling, anyRinging);
  return {
    kind,
    user,
    call: (callee) => client(calling, '-key', 'callee', callee),
    // Its caller sees the end, the 200 to its BYE.
    answer: async () => {},
  };
}

function scenarioFile(name: string): string {
  return path.join(projectRoot, 'sipp-scenarios', `${name}.xml`);
}

function errorsOf(directory: string): string {
  try {
    return readFileSync(path.join(directory, 'errors'), 'utf8').slice(0, 2000);
  } catch {
    return '';
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
