import { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import {
  type Clock,
  Event,
  errorMessage,
  type Gauge,
  type Logger,
  type Metrics,
  type Timer,
  type TlsIdentity,
  type TlsOptions,
} from '../../base/index.ts';
import type { TlsFiles } from '../config/gateway-config.ts';
import { datesProblem, readTlsIdentity } from '../config/tls-files.ts';

/** How often the files are looked at, ms: those who renew certificates put new ones in place without a word to us. */
const LOOK_EVERY_MS = 10_000;
const REMIND_EVERY_MS = 86_400_000;

const END_HELP = 'When a SIP certificate expires, seconds since the Unix epoch';

interface Entry {
  readonly files: TlsFiles;
  readonly path: string;
  identity: TlsIdentity;
  leaf: X509Certificate;
  /** What the files looked like when they were last read, well or not. */
  seen: string;
  readonly end: Gauge;
  /** Wall clock, ms; when a word about its dates is due. */
  remindAt: number;
}

/**
 * The certificates of the SIP listeners. New files count from the next handshake on, connections keep what they began
 * with; files that do not fit together, as in the middle of a renewal, leave the old ones in use.
 */
export class SipCertificates {
  /** A certificate has taken another's place. */
  readonly changed = new Event<void>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #file: string;
  readonly #entries: readonly Entry[];
  #timer: Timer | undefined;

  /**
   * @param options.file the configuration file, for messages
   * @throws ConfigError
   */
  constructor(
    deps: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
    options: { readonly file: string; readonly tls: readonly TlsFiles[] },
  ) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#file = options.file;
    this.#entries = options.tls.map((files, i) => {
      const path = `sip.tls[${i}]`;
      const seen = signatureOf(files);
      const identity = readTlsIdentity(files, { file: options.file, path });
      const end = deps.metrics.gauge('sip_certificate_expires_seconds', END_HELP, { cert: files.cert });
      return { files, path, seen, identity, leaf: leafOf(identity), end, remindAt: 0 };
    });
  }

  /** What a listener needs; undefined without any certificate. */
  get options(): TlsOptions | undefined {
    const [first] = this.#entries;
    if (first === undefined) return undefined;
    return {
      get identity() {
        return first.identity;
      },
      identityFor: (name) => this.#entries.find(({ leaf }) => leaf.checkHost(name) !== undefined)?.identity,
    };
  }

  /** What we show of ourselves to servers that ask for a certificate: the first, if there is one. */
  get ownIdentity(): Pick<TlsOptions, 'identity'> {
    const [first] = this.#entries;
    return first === undefined ? {} : { identity: first.identity };
  }

  /** Follows the files until `stop`. */
  start(): void {
    if (this.#entries.length === 0) return;
    this.look();
    this.#timer = this.#clock.setTimer(LOOK_EVERY_MS, () => this.start());
  }

  stop(): void {
    this.#timer?.close();
  }

  /** Looks at the files now: new ones that can be used serve new connections. */
  look(): void {
    for (const entry of this.#entries) {
      this.#follow(entry);
      this.#checkDates(entry);
    }
  }

  #follow(entry: Entry): void {
    const { files, path } = entry;
    const { cert } = files;
    const seen = signatureOf(files);
    if (seen === entry.seen) return;
    entry.seen = seen;
    try {
      entry.identity = readTlsIdentity(files, { file: this.#file, path });
      entry.leaf = leafOf(entry.identity);
      entry.remindAt = 0;
      this.#logger.info('new SIP certificate in use', { cert, validTo: entry.leaf.validTo });
      this.changed.emit();
    } catch (error) {
      this.#logger.warn('new SIP certificate refused, the old one stays', { reason: errorMessage(error) });
    }
  }

  #checkDates(entry: Entry): void {
    entry.end.set(Date.parse(entry.leaf.validTo) / 1000);
    const now = this.#clock.now();
    if (now < entry.remindAt) return;
    const problem = datesProblem(entry.leaf, now);
    if (problem === undefined) return;
    entry.remindAt = now + REMIND_EVERY_MS;
    this.#logger.warn('the dates of a SIP certificate', { cert: entry.files.cert, problem });
  }
}

function leafOf(identity: TlsIdentity): X509Certificate {
  return new X509Certificate(identity.certificates[0]!);
}

/** Changes with the files, also when a link is turned to others; one that cannot be looked at has none. */
function signatureOf({ cert, key }: TlsFiles): string {
  return [cert, key].map(stateOf).join(', ');
}

function stateOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs } = statSync(path);
    return `${dev} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return 'none';
  }
}
