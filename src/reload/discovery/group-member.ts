import {
  type Address,
  type Clock,
  CodedError,
  errorMessage,
  type GroupSocket,
  isLoopback,
  type Logger,
  type Metrics,
  type Multicast,
  type Random,
  type Timer,
  TokenBuckets,
} from '../../base/index.ts';
import { type DnsMessage, type DnsQuestion, type DnsRecord, decodeDns, encodeDns } from './dns-message.ts';
import { announcementOf, answerTo, legacyAnswer } from './responder.ts';
import { type FoundPeer, peersIn, recordsOf, type ServiceRecords, subtypeOf } from './service-records.ts';

/** A multicast group to ask and to be asked in. */
export interface DiscoveryGroup {
  readonly address: Address;
  /** Routers that a question may cross, and one. */
  readonly hops: number;
}

export interface GroupMemberDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly multicast: Multicast;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface GroupMemberOptions {
  readonly overlay: string;
  readonly nodeId: string;
  readonly group: DiscoveryGroup;
  /** Where this peer accepts links; none: there is nothing to announce. */
  readonly own: () => readonly Address[];
  readonly onPeer: (peer: FoundPeer, from: string) => void;
}

/** RFC 6762 §6: answers that others may have as well wait 20 to 120 ms, and no record is sent twice in a second. */
const ANSWER_AFTER_MS = 20;
const ANSWER_SPREAD_MS = 100;
const ANSWER_INTERVAL_MS = 1_000;
/**
 * NOTE: so many peers that have answered a question for peers of our overlay are enough. RFC 6762 has each answer for its
 * own record; with a thousand peers on one network that would be a storm, and whoever asks joins through one.
 */
const ENOUGH_ANSWERS = 3;
/** Questions that one answer is for. */
const MAX_QUESTIONS = 32;
/** Datagrams of one host that are looked at. All hosts of a network have the same IPv6 prefix, so its address is what counts. */
const DATAGRAMS_PER_HOST = { perSecond: 20, burst: 100 };
/** Bytes of all hosts together, because anybody may take many addresses: some 700 datagrams of the usual size a second. */
const BYTES_OF_ALL = { perSecond: 204_800, burst: 819_200 };

/** Record types that others may have under the same name. */
const SHARED: readonly DnsRecord['type'][] = ['PTR'];

/** RFC 6762 §8.3: "at least two unsolicited responses, one second apart". */
const SECOND_ANNOUNCEMENT_MS = 1_000;

/** An answer that waits for its moment. */
interface Pending {
  readonly questions: DnsQuestion[];
  readonly known: readonly DnsRecord[];
  readonly timer: Timer;
  answeredByOthers: number;
}

/** Asks for peers of an overlay in one multicast group, and answers those who ask there. */
export class GroupMember {
  readonly #deps: GroupMemberDeps;
  readonly #options: GroupMemberOptions;
  readonly #subtype: string;
  readonly #ofHost = new TokenBuckets(DATAGRAMS_PER_HOST);
  readonly #ofAll = new TokenBuckets(BYTES_OF_ALL);
  #socket: GroupSocket | undefined;
  #pending: Pending | undefined;
  #again: Timer | undefined;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(deps: GroupMemberDeps, options: GroupMemberOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#subtype = subtypeOf(options.overlay);
  }

  /** Joins the group and says that we are here. @throws CodedError 'multicast-unavailable' */
  async join(): Promise<void> {
    const { address, hops } = this.#options.group;
    this.#socket = await this.#deps.multicast.join(
      address,
      {
        onDatagram: (data, from) => this.#received(data, from),
        onError: (error) => this.#deps.logger.debug('multicast', { error: errorMessage(error) }),
      },
      { hops },
    );
    this.#say(false);
    this.#again = this.#deps.clock.setTimer(SECOND_ANNOUNCEMENT_MS, () => this.#say(false));
  }

  ask(): void {
    // That we know ourselves keeps us from answering.
    const answers = this.#records().pointers.filter(({ name }) => name === this.#subtype);
    const questions = [{ name: this.#subtype, type: 'PTR' } as const];
    this.#send({ id: 0, isResponse: false, questions, answers, additionals: [] }, 'query');
  }

  /** Says goodbye and leaves the group. */
  async stop(): Promise<void> {
    this.#again?.close();
    this.#pending?.timer.close();
    this.#pending = undefined;
    this.#say(true);
    const socket = this.#socket;
    this.#socket = undefined;
    await socket?.close();
  }

  #say(isGoing: boolean): void {
    if (this.#options.own().length === 0) return;
    this.#send(announcementOf(this.#records(), isGoing), isGoing ? 'goodbye' : 'announcement');
  }

  #records(): ServiceRecords {
    const { overlay, nodeId, own } = this.#options;
    const all = own();
    // A wildcard stands for loopback where there is nothing else of its family, which is of no use to others.
    const outside = all.filter(({ host }) => !isLoopback(host));
    const addresses = outside.length > 0 ? outside : all;
    return addresses.length === 0 ? { pointers: [], own: [] } : recordsOf({ overlay, nodeId, addresses });
  }

  #send(message: DnsMessage, kind: string): void {
    this.#count('out', kind);
    this.#socket?.send(encodeDns(message, SHARED));
  }

  #received(data: Uint8Array, from: Address): void {
    const now = this.#deps.clock.monotonic();
    if (!this.#ofHost.take(from.host, 1, now) || !this.#ofAll.take('', data.length, now)) {
      this.#count('in', 'too-many');
      return;
    }
    let message: DnsMessage;
    try {
      message = decodeDns(data);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#count('in', 'malformed');
      return;
    }
    if (!message.isResponse) {
      this.#asked(message, from);
      return;
    }
    // RFC 6762 §6: "MUST silently ignore any Multicast DNS responses ... where the source UDP port is not 5353".
    if (from.port !== this.#options.group.address.port) return;
    const peers = peersIn(message, this.#options.overlay).filter(
      ({ nodeId }) => nodeId !== this.#options.nodeId,
    );
    if (peers.length > 0) this.#count('in', 'peers');
    if (this.#pending !== undefined) this.#pending.answeredByOthers += peers.length;
    for (const peer of peers) this.#options.onPeer(peer, from.host);
  }

  #asked(query: DnsMessage, from: Address): void {
    const answer = answerTo(query, this.#records());
    if (answer === undefined) return;
    this.#count('in', 'query');
    if (from.port !== this.#options.group.address.port) {
      // RFC 9619 §3: an ordinary query has one question. Echoing hundreds would let a false source be flooded through us.
      if (query.questions.length > 1) return;
      this.#socket?.sendTo(encodeDns(legacyAnswer(query, answer)), from);
      this.#count('out', 'legacy-answer');
      return;
    }
    const questions = [...(this.#pending?.questions ?? []), ...query.questions].slice(0, MAX_QUESTIONS);
    if (this.#pending !== undefined) {
      // Two have asked: what one of them knows the other may not.
      this.#pending = { ...this.#pending, questions, known: [] };
      return;
    }
    const { clock, random } = this.#deps;
    const soonest = this.#answeredAt + ANSWER_INTERVAL_MS - clock.monotonic();
    const delayMs = Math.max(soonest, ANSWER_AFTER_MS + random.float() * ANSWER_SPREAD_MS);
    const timer = clock.setTimer(delayMs, () => this.#answer());
    this.#pending = { questions, known: query.answers, timer, answeredByOthers: 0 };
  }

  #answer(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    const { questions, known, answeredByOthers } = pending;
    const forPeers = questions.every(({ name }) => name === this.#subtype);
    if (forPeers && answeredByOthers >= ENOUGH_ANSWERS) return;
    const query = { id: 0, isResponse: false, questions, answers: known, additionals: [] };
    const answer = answerTo(query, this.#records());
    if (answer === undefined) return;
    this.#answeredAt = this.#deps.clock.monotonic();
    this.#send(answer, 'answer');
  }

  #count(direction: 'in' | 'out', kind: string): void {
    this.#deps.metrics
      .counter('reload_discovery_datagrams_total', 'Datagrams of the search for peers on the local network', {
        direction,
        kind,
      })
      .inc();
  }
}
