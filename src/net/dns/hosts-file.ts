import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../base/index.ts';

const FILE =
  process.platform === 'win32'
    ? `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`
    : '/etc/hosts';
/** For so long nobody looks whether it changed, ms. */
const LOOK_EVERY_MS = 5_000;
/** A longer one is not read: lists of millions of unwanted hosts are no way to find a SIP server. */
const MAX_BYTES = 1_048_576;

const NO_HOSTS: ReadonlyMap<string, readonly string[]> = new Map();

/** The names that the machine's administrator wrote down, which come before DNS. */
export class HostsFile {
  readonly #clock: Clock;
  readonly #file: string;
  #hosts = NO_HOSTS;
  #version = '';
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: { readonly clock: Clock }, options: { readonly file?: string } = {}) {
    this.#clock = deps.clock;
    this.#file = options.file ?? FILE;
  }

  /** The addresses of a name in lower case; none when it is not there. */
  async lookup(host: string): Promise<readonly string[]> {
    const now = this.#clock.monotonic();
    if (now - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#lookedAt = now;
      await this.#look();
    }
    return this.#hosts.get(host) ?? [];
  }

  async #look(): Promise<void> {
    try {
      const { mtimeMs, size } = await stat(this.#file);
      const version = `${mtimeMs} ${size}`;
      if (version === this.#version) return;
      this.#hosts = size > MAX_BYTES ? NO_HOSTS : parseHosts(await readFile(this.#file, 'utf8'));
      this.#version = version;
    } catch {
      // A machine without one has no such names.
      this.#hosts = NO_HOSTS;
      this.#version = '';
    }
  }
}

/** `address name alias...` a line, comments from # on (hosts(5)). */
function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const known = hosts.get(name.toLowerCase());
      if (known === undefined) hosts.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}
