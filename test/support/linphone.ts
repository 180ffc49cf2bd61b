import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { GatewayProcess } from './gateway.ts';
import { freePort } from './ports.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { eventually } from './wait.ts';

export interface LinphoneOptions {
  readonly peer: GatewayProcess;
  readonly user: string;
  /** `sips`: it registers and calls by SIPS, over TLS; else over UDP. */
  readonly scheme?: 'sip' | 'sips';
}

/** A headless Linphone that answers by itself. It asks for GRUUs, and uses them, without outbound registrations. */
export class Linphone {
  readonly user: string;
  readonly #process: ChildProcess;
  readonly #logFile: string;
  #output = '';

  private constructor(user: string, directory: string) {
    this.user = user;
    this.#logFile = path.join(directory, 'log');
    const args = ['--config', path.join(directory, 'rc'), '--log', this.#logFile, '--auto-answer'];
    this.#process = spawn('linphone-daemon', args, {
      cwd: directory,
      env: { ...process.env, HOME: directory },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#process.stdout?.on('data', (chunk) => {
      this.#output += chunk;
    });
  }

  /** One that is registered; it ends with the test. */
  static async open(t: ExecutionContext, options: LinphoneOptions): Promise<Linphone> {
    const directory = temporaryDirectory('linphone');
    mkdirSync(path.join(directory, '.local/share/linphone'), { recursive: true });
    writeFileSync(path.join(directory, 'rc'), await configuration(options));
    const phone = new Linphone(options.user, directory);
    t.teardown(() => phone.#stop());
    await eventually(`registration of ${options.user}`, 20_000, () =>
      /^Contact: .*;pub-gruu=/m.test(phone.log),
    );
    return phone;
  }

  /** All SIP messages, sent and received, among what else it has to say. */
  get log(): string {
    try {
      return readFileSync(this.#logFile, 'utf8');
    } catch {
      return '';
    }
  }

  command(command: string): void {
    this.#process.stdin?.write(`${command}\n`);
  }

  /** Waits until a call with this number has come to a state: `StreamsRunning`, `End`. */
  call(id: number, state: string): Promise<boolean> {
    const event = new RegExp(`^Event: LinphoneCall(?:${state})\\nFrom: .*\\nId: ${id}$`, 'm');
    return eventually(`${state} of call ${id} at ${this.user}'s Linphone`, 10_000, () =>
      event.test(this.#output),
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#output.slice(-2000)}`);
    });
  }

  async #stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

async function configuration({ peer, user, scheme = 'sip' }: LinphoneOptions): Promise<string> {
  const isSecure = scheme === 'sips';
  const port = peer.sipPort(isSecure ? 'tls' : 'udp');
  const server = isSecure ? `sips:127.0.0.1:${port}` : `sip:127.0.0.1:${port};transport=udp`;
  const audioPort = await freePort();
  return `[sip]
sip_port=${isSecure ? -2 : await freePort()}
sip_tcp_port=-2
sip_tls_port=-2
verify_server_certs=0
verify_server_cn=0
guess_hostname=0
contact="${user}" <sip:${user}@127.0.0.1>
use_ipv6=0
default_proxy=0
[rtp]
audio_rtp_port=${audioPort}
[video]
enabled=0
[misc]
store_chat_logs=0
[auth_info_0]
username=${user}
passwd=secret
realm="example.org"
domain=example.org
[proxy_0]
reg_proxy=<${server}>
reg_route=<${server};lr>
reg_identity=${scheme}:${user}@example.org
reg_expires=600
reg_sendregister=1
publish=0
`;
}
