import { type Address, type Clock, CodedError, errorMessage, type Timer } from '../../base/index.ts';
import { askServer, type ExchangeDeps } from './dns-exchange.ts';
import type { DnsQuestion, DnsReply } from './dns-message.ts';

export interface DnsClientOptions {
  /** In the order of preference; asked for with each question, since a machine moves between networks. */
  readonly servers: () => readonly Address[];
}

/** Nobody waits longer for one question, ms. */
const TIMEOUT_MS = 3_000;
/** A server that has not answered for so long is not waited for alone any more, ms. */
const PATIENCE_MS = 1_000;
/** More of them are not asked. */
const MAX_SERVERS = 3;

/** Asks recursive name servers, one after the other until one of them tells. */
export class DnsClient {
  readonly #deps: ExchangeDeps;
  readonly #servers: () => readonly Address[];
  /** That of the last answer: a dead first server must not hold up every question. */
  #preferred: Address | undefined;

  constructor(deps: ExchangeDeps, options: DnsClientOptions) {
    this.#deps = deps;
    this.#servers = options.servers;
  }

  /**
   * @returns a reply that says NOERROR or NXDOMAIN
   * @throws CodedError 'dns-failed' when there was none within 3 s, or all servers failed
   */
  async ask(question: DnsQuestion): Promise<DnsReply> {
    const servers = this.#servers().slice(0, MAX_SERVERS);
    const first = servers.findIndex(({ host, port }) => isAt(this.#preferred, host, port));
    const ordered = first > 0 ? [...servers.slice(first), ...servers.slice(0, first)] : servers;
    const { server, reply } = await new Rounds(this.#deps, ordered, question).run();
    this.#preferred = server;
    return reply;
  }
}

interface Told {
  readonly server: Address;
  readonly reply: DnsReply;
}

/** One question on its way: a server that fails is followed by the next at once, a silent one after a second. */
class Rounds {
  readonly #deps: ExchangeDeps;
  readonly #clock: Clock;
  readonly #question: DnsQuestion;
  readonly #end = new AbortController();
  /** Those that have not failed, the next to be asked first. */
  #left: Address[];
  #running = 0;
  #patience: Timer | undefined;
  #limit: Timer | undefined;
  #tell!: (told: Told) => void;
  #fail!: (error: Error) => void;

  constructor(deps: ExchangeDeps, servers: readonly Address[], question: DnsQuestion) {
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#left = [...servers];
    this.#question = question;
  }

  async run(): Promise<Told> {
    const told = new Promise<Told>((resolve, reject) => {
      this.#tell = resolve;
      this.#fail = reject;
    });
    this.#limit = this.#clock.setTimer(TIMEOUT_MS, () => this.#giveUp('no answer in time'));
    this.#askNext();
    try {
      return await told;
    } finally {
      this.#patience?.close();
      this.#limit.close();
      this.#end.abort(new CodedError('dns-failed', 'no longer of interest'));
    }
  }

  #askNext(): void {
    this.#patience?.close();
    const server = this.#left.shift();
    if (server === undefined) {
      if (this.#running === 0) this.#giveUp('all servers failed');
      return;
    }
    this.#left.push(server);
    this.#running += 1;
    this.#patience = this.#clock.setTimer(PATIENCE_MS, () => this.#askNext());
    askServer(this.#deps, server, this.#question, this.#end.signal).then(
      (reply) => {
        this.#running -= 1;
        if (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN') this.#tell({ server, reply });
        else this.#giveUpServer(server, reply.rcode);
      },
      (error: unknown) => {
        this.#running -= 1;
        this.#giveUpServer(server, errorMessage(error));
      },
    );
  }

  #giveUpServer(server: Address, why: string): void {
    if (this.#end.signal.aborted) return;
    this.#left = this.#left.filter((other) => other !== server);
    if (this.#left.length === 0 && this.#running === 0) this.#giveUp(why);
    else if (this.#left.length > 0) this.#askNext();
  }

  #giveUp(why: string): void {
    const { name, type } = this.#question;
    this.#fail(new CodedError('dns-failed', `DNS for ${name} ${type}: ${why}`));
  }
}

function isAt(address: Address | undefined, host: string, port: number): boolean {
  return address?.host === host && address.port === port;
}
