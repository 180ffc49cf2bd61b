import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { GatewayProcess } from './gateway.ts';
import { freePortRange, freeServerPort } from './ports.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { writeTone } from './tone.ts';
import { eventually } from './wait.ts';

export interface BaresipOptions {
  directory: string;
  user: string;
  password: string;
  /** The domain of its account. */
  domain: string;
  /** `host:port` of its server. */
  server: string;
  transport: 'udp' | 'tcp' | 'tls';
  /** PEM file with the authority of the server's certificate, for `tls`. */
  authority?: string;
  /** More parameters of its account, as `;name=value`. */
  account?: string;
  /** More modules, as `mwi.so`. */
  modules?: readonly string[];
  /** Whether its log has each SIP message. */
  traces?: boolean;
  /** False: no outbound proxy; the phone follows URIs by itself. */
  outbound: boolean;
  sipPort: number;
  controlPort: number;
  /** First of 100 RTP ports. */
  rtpBase: number;
  /** The tone it says. */
  hertz: number;
}

/** Of a phone at a gateway of ours; what is left out is as everywhere in the tests. */
export type RegisteredOptions = Pick<BaresipOptions, 'user' | 'transport'> &
  Partial<BaresipOptions> & { readonly peer: GatewayProcess };

interface ControlEvent {
  event: true;
  type: string;
  param?: string;
}

/** A headless baresip, an ordinary SIP phone, driven through its TCP control port (netstrings of JSON). */
export class Baresip {
  readonly options: BaresipOptions;
  readonly events: ControlEvent[] = [];
  log = '';
  #process: ChildProcess | undefined;
  #control: net.Socket | undefined;

  constructor(options: BaresipOptions) {
    this.options = options;
    mkdirSync(options.directory, { recursive: true });
    writeTone(path.join(options.directory, 'say.wav'), options.hertz);
    writeFileSync(path.join(options.directory, 'accounts'), account(options));
    writeFileSync(path.join(options.directory, 'config'), configuration(options));
    writeFileSync(path.join(options.directory, 'contacts'), '');
  }

  /** One that is registered; it ends with the test. */
  static async open(t: ExecutionContext, options: RegisteredOptions): Promise<Baresip> {
    for (let attempt = 1; ; attempt++) {
      const phone = await Baresip.#prepared(options);
      t.teardown(() => phone.stop());
      try {
        await phone.start();
      } catch (error) {
        // Another test was faster with a port that was free a moment ago.
        if (attempt === 3 || !/in use/i.test(phone.log)) throw error;
        await phone.stop();
        continue;
      }
      await phone.registered(8000);
      return phone;
    }
  }

  static async #prepared({ peer, ...options }: RegisteredOptions): Promise<Baresip> {
    return new Baresip({
      directory: path.join(temporaryDirectory('baresip'), options.user),
      ...{ password: 'secret', domain: 'example.org', outbound: true, hertz: 440 },
      server: `127.0.0.1:${peer.sipPort(options.transport)}`,
      sipPort: await freeServerPort(),
      controlPort: await freeServerPort(),
      rtpBase: await freePortRange(100),
      ...options,
    });
  }

  /** Resolves when the control port answers. The phone registers by itself. */
  async start(): Promise<void> {
    const { directory, controlPort, traces = false } = this.options;
    const child = spawn(
      'baresip',
      ['-4', ...(traces ? ['-s'] : []), '-f', directory, '-p', '/usr/share/baresip'],
      {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#process = child;
    const keep = (chunk: Buffer) => {
      this.log += chunk;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const control = await eventually('baresip control port', 8000, () => connect(controlPort)).catch(
      (error: Error) => {
        throw new Error(`${error.message}; baresip said: ${this.log.slice(-2000)}`);
      },
    );
    this.#control = control;
    let buffered = Buffer.alloc(0);
    control.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (;;) {
        const colon = buffered.indexOf(':');
        const length = Number(buffered.toString('latin1', 0, Math.max(colon, 0)));
        if (colon < 0 || buffered.length < colon + length + 2) return;
        const message = JSON.parse(buffered.toString('utf8', colon + 1, colon + 1 + length));
        buffered = buffered.subarray(colon + length + 2);
        if (message.event === true) this.events.push(message);
      }
    });
  }

  command(command: string, params?: string): void {
    const text = JSON.stringify({ command, params, token: 't' });
    this.#control?.write(`${Buffer.byteLength(text)}:${text},`);
  }

  /** The first REGISTER may be answered before the control port is up, so its outcome is read from the log. */
  registered(timeoutMs: number): Promise<boolean> {
    const host = this.options.domain.replace(/:\d+$/, '');
    const account = `${this.options.user}@${host}`.replace(/[.+*?]/g, '\\$&');
    const line = new RegExp(`^${account}: \\{.*\\} 200 `, 'm');
    return eventually(`registration of ${this.options.user}`, timeoutMs, () => line.test(this.log));
  }

  event(type: string, timeoutMs: number): Promise<ControlEvent> {
    return eventually(`${type} at ${this.options.user}'s phone`, timeoutMs, () =>
      this.events.find((one) => one.type === type),
    );
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    this.command('quit');
    const limit = setTimeout(() => child.kill('SIGKILL'), 3000);
    await exited;
    clearTimeout(limit);
    this.#control?.destroy();
  }
}

function connect(port: number): Promise<net.Socket | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => resolve(undefined));
  });
}

function account(o: BaresipOptions): string {
  const outbound = o.outbound ? `outbound="sip:${o.server};transport=${o.transport}";` : '';
  return (
    `<sip:${o.user}@${o.domain};transport=${o.transport}>;auth_user=${o.user};auth_pass=${o.password};${outbound}` +
    `regint=60;answermode=auto;audio_codecs=PCMU;ptime=20${o.account ?? ''}\n`
  );
}

function configuration(o: BaresipOptions): string {
  return `poll_method epoll
sip_listen 127.0.0.1:${o.sipPort}
net_interface 127.0.0.1
${o.authority === undefined ? '' : `sip_cafile ${o.authority}\nsip_verify_server yes\n`}call_local_timeout 20
call_max_calls 2
audio_source aufile,${o.directory}/say.wav
audio_player aubridge,none
audio_alert aubridge,none
audio_buffer 20-160
audio_txmode poll
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
rtp_tos 0
rtp_ports ${o.rtpBase}-${o.rtpBase + 99}
rtcp_mux no
jitter_buffer_delay 1-5
rtp_stats yes
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path ${o.directory}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
${(o.modules ?? []).map((module) => `module_app ${module}\n`).join('')}ctrl_tcp_listen 127.0.0.1:${o.controlPort}
ringback_disabled yes
`;
}
