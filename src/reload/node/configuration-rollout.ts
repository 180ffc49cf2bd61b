import {
  type Clock,
  Event,
  errorMessage,
  IdleSet,
  type Logger,
  LruMap,
  type Random,
  type Timer,
} from '../../base/index.ts';
import { ANY_SEQUENCE, type ConfigurationMismatch } from '../forwarding/configuration-sequence.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { ReloadError } from '../forwarding/reload-error.ts';
import { configUpdate } from '../messages/config-update.ts';
import { type Destination, toNode } from '../messages/destination.ts';
import { ErrorCode, unknownKindsInfo } from '../messages/error-response.ts';
import { ping } from '../messages/ping.ts';
import { decodeWhole } from '../wire/codec.ts';
import { DecodeError } from '../wire/decode-error.ts';
import type { KindId, NodeId } from '../wire/ids.ts';
import type { ConfigurationKeeper } from './configuration-keeper.ts';

/** The same is not sent to a node again within this time, however often it asks with an old sequence. */
const PAUSE_MS = 10_000;

/** Nodes remembered for that. */
const MAX_REMEMBERED = 1_024;

/** A new document is made known to the nodes we have links with within this time. */
const ANNOUNCE_MS = 2_000;

interface Sent {
  /** Monotonic ms. */
  readonly at: number;
  /** Whether the node has it now. */
  readonly outcome: Promise<boolean>;
}

interface Way {
  readonly destinationList: readonly Destination[];
  readonly firstHop?: NodeId | undefined;
}

/**
 * Brings other nodes to our configuration, and requests over the difference (RFC 6940 §§6.3.2.1, 6.5.4): a node behind
 * us gets a ConfigUpdate, we wait for one from a node ahead of us, and the request is repeated.
 */
export class ConfigurationRollout {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #keeper: ConfigurationKeeper;
  readonly #forwarding: ForwardingLayer;
  readonly #sent = new LruMap<string, Sent>(MAX_REMEMBERED);
  readonly #timers = new IdleSet<Timer>();
  readonly #stopped = new Event<void>();

  constructor(deps: {
    clock: Clock;
    random: Random;
    logger: Logger;
    keeper: ConfigurationKeeper;
    forwarding: ForwardingLayer;
  }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#keeper = deps.keeper;
    this.#forwarding = deps.forwarding;
  }

  /** §6.3.2.1: "the node MUST generate a ConfigUpdate message to update the requesting node". */
  older(nodeId: NodeId, path: readonly Destination[]): void {
    void this.#pushDocument(nodeId, { destinationList: path });
  }

  /** Whether a refused request is worth repeating, once all that can be done has been done. */
  async mend({ error, sequence, destinationList, firstHop }: ConfigurationMismatch): Promise<boolean> {
    // The answer came from the end of that path; from a Resource-ID on, the peer responsible for it is meant.
    const way = { destinationList: [...destinationList.slice(0, -1), toNode(error.nodeId)], firstHop };
    switch (error.errorCode) {
      case ErrorCode.Config_Too_New:
        return this.#pushDocument(error.nodeId, way);
      case ErrorCode.Config_Too_Old:
        return this.#keeper.current.sequence !== sequence || this.#documentComes();
      default:
        return this.#pushKinds(error, way);
    }
  }

  /**
   * Lets these nodes notice that there is a new document: a Ping with the new sequence makes those behind say so, and
   * only they get the document.
   */
  announce(nodeIds: Iterable<NodeId>): void {
    for (const nodeId of nodeIds) {
      const timer = this.#clock.setTimer(ANNOUNCE_MS * this.#random.float(), () => {
        this.#timers.delete(timer);
        this.#forwarding
          .request(
            ping,
            { padding: new Uint8Array(0) },
            { destinationList: [toNode(nodeId)], firstHop: nodeId },
          )
          .catch((error) =>
            this.#logger.debug('a node was not reached', { nodeId, error: errorMessage(error) }),
          );
      });
      this.#timers.add(timer);
    }
  }

  stop(): void {
    for (const timer of this.#timers) timer.close();
    this.#stopped.emit();
  }

  #pushDocument(nodeId: NodeId, way: Way): Promise<boolean> {
    const { source, sequence } = this.#keeper.current;
    if (source === undefined) return Promise.resolve(false);
    return this.#once(`${nodeId}/${sequence}`, () =>
      this.#push(nodeId, { type: 'config', configData: source.bytes }, way),
    );
  }

  /** §7.4.1.2: a node which receives Unknown_Kind sends the definitions, if it has them. */
  #pushKinds(error: ReloadError, way: Way): Promise<boolean> {
    const unknownKinds = kindsOf(error);
    const kinds = unknownKinds.map((id) => this.#keeper.kindBlock(id));
    if (kinds.length === 0 || !kinds.every((block) => block !== undefined)) return Promise.resolve(false);
    return this.#once(`${error.nodeId}/kinds/${unknownKinds.join()}`, () =>
      this.#push(error.nodeId, { type: 'kind', kinds }, way),
    );
  }

  /** What was sent a moment ago has arrived, or will not: either way it is not sent again so soon. */
  #once(key: string, send: () => Promise<boolean>): Promise<boolean> {
    const now = this.#clock.monotonic();
    const known = this.#sent.get(key);
    if (known !== undefined && known.at > now - PAUSE_MS) return known.outcome;
    const outcome = send();
    this.#sent.set(key, { at: now, outcome });
    return outcome;
  }

  async #push(
    nodeId: NodeId,
    body: Parameters<typeof configUpdate.request.encode>[1],
    { destinationList, firstHop }: Way,
  ): Promise<boolean> {
    try {
      await this.#forwarding.request(configUpdate, body, {
        destinationList,
        configurationSequence: ANY_SEQUENCE,
        ...(firstHop !== undefined && { firstHop }),
      });
      this.#logger.info('a node took our configuration', { nodeId, type: body.type });
      return true;
    } catch (error) {
      // Somebody else was faster.
      if (error instanceof ReloadError && error.errorCode === ErrorCode.Config_Too_Old) return true;
      this.#logger.warn('a node did not take our configuration', { nodeId, error: errorMessage(error) });
      return false;
    }
  }

  /** The node that refused us sends its document; so long as one send of it may be lost we wait. */
  #documentComes(): Promise<boolean> {
    const { configurationSigners, reliabilityTimerMs } = this.#keeper.current;
    if (configurationSigners.size === 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (mended: boolean): void => {
        timer.close();
        for (const unsubscribe of subscriptions) unsubscribe();
        resolve(mended);
      };
      const timer = this.#clock.setTimer(2 * reliabilityTimerMs, () => settle(false));
      const subscriptions = [
        this.#keeper.changed.on(() => settle(true)),
        this.#stopped.on(() => settle(false)),
      ];
    });
  }
}

/** The Kinds that an Unknown_Kind lists; none if it is malformed. */
function kindsOf({ errorInfo }: ReloadError): readonly KindId[] {
  try {
    return decodeWhole(unknownKindsInfo, errorInfo).unknownKinds;
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
