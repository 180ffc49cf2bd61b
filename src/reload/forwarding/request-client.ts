import {
  abortable,
  type Clock,
  errorMessage,
  IdleMap,
  type LogFields,
  type Logger,
  type Random,
  type ReloadTrace,
} from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { Destination } from '../messages/destination.ts';
import { ErrorCode, errorResponse } from '../messages/error-response.ts';
import type { MessageExtension } from '../messages/extension.ts';
import { type HeaderFields, messageLength, WHOLE_MESSAGE } from '../messages/forwarding-header.ts';
import { type Envelope, encodeContents } from '../messages/message.ts';
import { ERROR_CODE, type Method } from '../messages/method.ts';
import type { SignedBy, Signer } from '../security/signature.ts';
import { decodeWhole } from '../wire/codec.ts';
import { type NodeId, WILDCARD_NODE_ID } from '../wire/ids.ts';
import { mayRefuseOnTheWay, understood, unknownExtension } from './answer-check.ts';
import type { MendConfiguration } from './configuration-sequence.ts';
import type { ForwardingMetrics } from './forwarding-metrics.ts';
import type { Routing } from './ports.ts';
import { ReloadError, RequestFailure } from './reload-error.ts';
import { MAX_SENDS, Retransmission } from './retransmission.ts';
import { type SealedMessage, seal } from './sealed-message.ts';
import type { Transmitter } from './transmitter.ts';

const MAX_PENDING = 4096;

/** Bytes by which the Via list may grow on the way: a hop must not find the message too large (RFC 6940 §6.6). */
const VIA_ROOM = 256;

/** Errors that a ConfigUpdate mends (RFC 6940 §§6.3.2.1, 7.4.1.2). */
const MENDABLE: ReadonlySet<number> = new Set([
  ErrorCode.Config_Too_Old,
  ErrorCode.Config_Too_New,
  ErrorCode.Unknown_Kind,
]);

/** One repetition is the rule; more are needed when a second new document overtakes the first. */
const MAX_REPETITIONS = 3;

export interface RequestOptions {
  /** Where to; the last entry is the one whose answer counts. */
  readonly destinationList: readonly Destination[];
  /** Sends over the link to this node instead of asking the topology plug-in. */
  readonly firstHop?: NodeId;
  /** Signs instead of this node's own certificate (registration certificates). */
  readonly signer?: Signer;
  /** DER certificates of the values inside. */
  readonly certificates?: readonly Uint8Array[];
  readonly extensions?: readonly MessageExtension[];
  /** Bytes the answer may have; any when left out. */
  readonly maxResponseLength?: number;
  /** Overrides the document's sequence in the header: 65535 for ConfigUpdate. */
  readonly configurationSequence?: number;
  /** Stops retransmission; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** What it is sent for: names it to the trace. */
  readonly traceId?: string | undefined;
}

export interface Answer<T> {
  readonly body: T;
  readonly signer: SignedBy;
  /** DER certificates that came along, for the signatures of the values inside. */
  readonly certificates: readonly Uint8Array[];
  readonly extensions: readonly MessageExtension[];
  /** The directly connected node the answer came through. */
  readonly previousHop: NodeId;
}

/** What it takes to settle a request. */
interface Settlement {
  readonly target: Destination;
  readonly answerCode: number;
  readonly requestName: string;
  /** The answer had to be short. */
  readonly limited: boolean;
  settle(envelope: Envelope, signer: SignedBy, previousHop: NodeId): void;
  fail(error: unknown): void;
}

interface Pending extends Settlement {
  /** The node it was handed to last. */
  hop: NodeId | undefined;
  /** Sends it again at once. */
  hurry(): void;
}

interface RequestClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ForwardingMetrics;
  readonly routing: Routing;
  readonly transmitter: Transmitter;
  readonly trace?: ReloadTrace;
}

export interface RequestClientOptions {
  readonly document: () => OverlayDocument;
  /** Read anew for each request. */
  readonly identity: { readonly signer: Signer };
  /** Without it, a request that meets another configuration fails. */
  readonly mendConfiguration?: MendConfiguration;
}

/** Sends requests, repeats them end to end and finds the answers (RFC 6940 §6.2.1). */
export class RequestClient {
  readonly #deps: RequestClientDeps;
  readonly #options: RequestClientOptions;
  readonly #pending = new IdleMap<bigint, Pending>();

  constructor(deps: RequestClientDeps, options: RequestClientOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /**
   * @throws ReloadError when it was answered with an error; RequestFailure when there was no answer; DecodeError
   * when the answer is broken; EncodeError
   */
  request<Request, Response>(
    method: Method<Request, Response>,
    body: Request,
    options: RequestOptions,
  ): Promise<Answer<Response>> {
    return this.#request(method, body, options, MAX_REPETITIONS);
  }

  #request<Request, Response>(
    method: Method<Request, Response>,
    body: Request,
    options: RequestOptions,
    repetitions: number,
  ): Promise<Answer<Response>> {
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted();
      if (this.#pending.size >= MAX_PENDING) {
        throw new RequestFailure('too-many-requests', `${MAX_PENDING} requests are waiting for answers`);
      }
      const target = options.destinationList.at(-1);
      if (target === undefined) throw new RequestFailure('no-route', 'a request without a destination');
      const { sequence } = this.#options.document();
      const contents = encodeContents(method.requestCode, method.request, body, options.extensions);
      this.#start(this.#transmission(contents, options), options, {
        target,
        answerCode: method.answerCode,
        requestName: method.name,
        limited: (options.maxResponseLength ?? 0) > 0,
        settle: ({ contents, security }, signer, previousHop) =>
          resolve({
            body: decodeWhole(method.answer, contents.body, this.#options.document().kinds),
            signer,
            certificates: security.certificates,
            extensions: contents.extensions,
            previousHop,
          }),
        fail: (error) => {
          const mending = repetitions > 0 ? this.#mending(error, sequence, options) : undefined;
          if (mending === undefined) reject(error);
          else
            mending.then((mended) => {
              // With a new transaction: the old one is answered, and its answer would be repeated.
              if (mended) resolve(this.#request(method, body, options, repetitions - 1));
              else reject(error);
            }, reject);
        },
      });
    });
  }

  /** Undefined when a ConfigUpdate cannot help: it never is the cure for a ConfigUpdate of our own. */
  #mending(error: unknown, sequence: number, options: RequestOptions): Promise<boolean> | undefined {
    if (!(error instanceof ReloadError) || !MENDABLE.has(error.errorCode)) return undefined;
    const { mendConfiguration: mend } = this.#options;
    if (mend === undefined || options.configurationSequence !== undefined) return undefined;
    const { destinationList, firstHop, signal } = options;
    return abortable(mend({ error, sequence, destinationList, firstHop }), signal);
  }

  /** Whether an answer with this transaction id is waited for: asked before its signature is verified. */
  expects(transactionId: bigint): boolean {
    return this.#pending.has(transactionId);
  }

  /** An answer or error whose signature verified. */
  answerReceived(envelope: Envelope, signer: SignedBy, previousHop: NodeId): void {
    const { code } = envelope.contents;
    const pending = this.#pending.get(envelope.header.transactionId);
    if (pending === undefined || (code !== pending.answerCode && code !== ERROR_CODE)) {
      this.#deps.metrics.drop('unmatched-answer');
      return;
    }
    this.#countHops(envelope, previousHop);
    try {
      const error = code === ERROR_CODE ? decodeWhole(errorResponse, envelope.contents.body) : undefined;
      if (!mayRefuseOnTheWay(error, signer, pending.hop) && !this.#mayAnswer(signer.nodeId, pending.target)) {
        this.#deps.metrics.drop('answer-signer');
        return;
      }
      const unknown = envelope.contents.extensions.find(({ critical }) => critical);
      if (unknown !== undefined) pending.fail(unknownExtension(pending.requestName, unknown));
      else if (error === undefined) pending.settle(envelope, signer, previousHop);
      else
        pending.fail(new ReloadError(pending.requestName, understood(error, pending.limited), signer.nodeId));
    } catch (error) {
      this.#deps.metrics.drop('malformed-answer');
      pending.fail(error);
    }
  }

  /** Each node that passes a message on takes 1 off its TTL (RFC 6940 §6.3.2). */
  #countHops({ header }: Envelope, previousHop: NodeId): void {
    if (previousHop === this.#deps.routing.self) return;
    this.#deps.metrics.answerHops.observe(Math.max(1, this.#options.document().initialTtl - header.ttl + 1));
  }

  /**
   * The link to a node is lost, and what was handed to it with it, most likely: requests that went there go again by
   * another way, without waiting for the overlay-reliability-timer.
   */
  hopLost(nodeId: NodeId): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.hop === nodeId) pending.hurry();
    }
  }

  /** Fails all that is waiting. */
  stop(): void {
    for (const pending of [...this.#pending.values()]) {
      pending.fail(new RequestFailure('stopped', `${pending.requestName}: this node is stopping`));
    }
  }

  /** RFC 6940 §6.3.4: who may answer. */
  #mayAnswer(signer: NodeId, target: Destination): boolean {
    switch (target.type) {
      case 'node':
        return target.nodeId === WILDCARD_NODE_ID || target.nodeId === signer;
      case 'resource':
        return this.#deps.routing.isPlausibleOwner(signer, target.resourceId);
      default:
        // An opaque id means something to its maker only; the signature alone must do.
        return true;
    }
  }

  #transmission(contents: Uint8Array, options: RequestOptions): Transmission {
    const document = this.#options.document();
    const transactionId = Buffer.from(this.#deps.random.bytes(8)).readBigUInt64BE();
    const sealed = seal(contents, {
      overlayHash: document.overlayHash,
      transactionId,
      signer: options.signer ?? this.#options.identity.signer,
      ...(options.certificates && { certificates: options.certificates }),
    });
    const header: HeaderFields = {
      overlay: document.overlayHash,
      configurationSequence: options.configurationSequence ?? document.sequence,
      ttl: document.initialTtl,
      fragment: WHOLE_MESSAGE,
      transactionId,
      maxResponseLength: options.maxResponseLength ?? 0,
      viaList: [],
      destinationList: options.destinationList,
      options: [],
    };
    const size = messageLength(header, sealed.contents, sealed.security) + VIA_ROOM;
    if (size > document.maxMessageSize) {
      throw new RequestFailure(
        'message-too-large',
        `${size} bytes on its way, the overlay allows ${document.maxMessageSize}`,
      );
    }
    return { header, sealed, intervalMs: document.reliabilityTimerMs };
  }

  #start({ header, sealed, intervalMs }: Transmission, options: RequestOptions, request: Settlement): void {
    const { clock, transmitter, metrics, trace } = this.#deps;
    const { firstHop, signal, traceId } = options;
    if (traceId !== undefined) trace?.begun(header.transactionId, traceId);
    const told =
      traceId === undefined ? undefined : this.#tell(header.transactionId, request.requestName, traceId);
    const retransmission = new Retransmission(clock, {
      intervalMs,
      send: (attempt) => {
        if (attempt > 1) metrics.retransmissions.inc();
        pending.hop = transmitter.send(header, sealed, firstHop);
        return pending.hop !== undefined;
      },
      onFailure: (reason) =>
        pending.fail(new RequestFailure(reason, `${request.requestName}: ${WHY[reason]}`)),
    });
    const end = (): void => {
      retransmission.stop();
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(header.transactionId);
    };
    const pending: Pending = {
      ...request,
      hop: undefined,
      // The way was prescribed: there is no other.
      hurry: () => (firstHop === undefined ? retransmission.hurry() : undefined),
      settle: (envelope, signer, previousHop) => {
        end();
        told?.({ answeredBy: signer.nodeId });
        request.settle(envelope, signer, previousHop);
      },
      fail: (error) => {
        end();
        told?.({ error: errorMessage(error) });
        request.fail(error);
      },
    };
    const onAbort = (): void => pending.fail(signal?.reason);

    this.#pending.set(header.transactionId, pending);
    signal?.addEventListener('abort', onAbort, { once: true });
    retransmission.start();
  }

  /** Logs what became of a request behind a call: by the call's id and by that of the transaction, as a trace has it. */
  #tell(transactionId: bigint, request: string, call: string): ((outcome: LogFields) => void) | undefined {
    const { logger, clock } = this.#deps;
    if (!logger.debugEnabled) return undefined;
    const began = clock.monotonic();
    const transaction = transactionId.toString(16).padStart(16, '0');
    return (outcome) =>
      logger.debug('asked the overlay', {
        ...{ call, request, transaction, ms: Math.round(clock.monotonic() - began) },
        ...outcome,
      });
  }
}

const WHY = {
  'no-route': 'nobody to send it to',
  'request-timeout': `no answer to ${MAX_SENDS} sends`,
} as const;

interface Transmission {
  readonly header: HeaderFields;
  readonly sealed: SealedMessage;
  readonly intervalMs: number;
}
