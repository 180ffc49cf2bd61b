import { type Clock, CodedError, errorMessage, type Logger } from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import { configUpdate } from '../messages/config-update.ts';
import type { Destination } from '../messages/destination.ts';
import { ErrorCode, unknownKindsInfo } from '../messages/error-response.ts';
import { fetch } from '../messages/fetch.ts';
import { find } from '../messages/find.ts';
import { hasOption, OptionFlag } from '../messages/forwarding-option.ts';
import type { Method } from '../messages/method.ts';
import { messageName } from '../messages/methods.ts';
import { ping } from '../messages/ping.ts';
import { probe } from '../messages/probe.ts';
import { stat } from '../messages/stat.ts';
import { decodeWhole, encodeWhole } from '../wire/codec.ts';
import { DecodeError, UnknownKindsError } from '../wire/decode-error.ts';
import type { NodeId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import type { Answers, GivenAnswer } from './answers.ts';
import { ANY_SEQUENCE, compareSequence } from './configuration-sequence.ts';
import { returnPath } from './destination-list.ts';
import { DuplicateCache } from './duplicate-cache.ts';
import type { ForwardingMetrics } from './forwarding-metrics.ts';
import { InboundRequest, type ReceivedRequest, type RequestContext } from './inbound-request.ts';
import { RequestRefusal } from './reload-error.ts';

/** Answers through the context, now or later; a RequestRefusal it throws is answered with its error code. */
export type RequestHandler<Request, Response> = (
  request: Request,
  context: RequestContext<Response>,
) => void | Promise<void>;

/** RFC 6940 §6.2.1: "this can be accomplished merely by processing the request again". */
const REPEATABLE: ReadonlySet<number> = new Set(
  [probe, fetch, find, ping, stat].map((method) => method.requestCode),
);

/** The longest list of `unknown_kinds<0..2^8-1>`. */
const MAX_UNKNOWN_KINDS = 63;

/** What is done with the requests of one method. */
interface Registration {
  readonly name: string;
  /** Decodes the body. @throws DecodeError */
  prepare(received: ReceivedRequest, kinds: KindTable, answering: Answering): Prepared;
}

interface Answering {
  readonly answers: Answers;
  readonly onAnswered: (answer: GivenAnswer) => void;
}

/** A request ready to be handled. */
interface Prepared {
  readonly context: Pick<InboundRequest<never>, 'fail' | 'signer'>;
  handle(): void | Promise<void>;
}

class MethodRegistration<Request, Response> implements Registration {
  readonly #method: Method<Request, Response>;
  readonly #handler: RequestHandler<Request, Response>;

  constructor(method: Method<Request, Response>, handler: RequestHandler<Request, Response>) {
    this.#method = method;
    this.#handler = handler;
  }

  get name(): string {
    return this.#method.name;
  }

  prepare(received: ReceivedRequest, kinds: KindTable, { answers, onAnswered }: Answering): Prepared {
    const body = decodeWhole(this.#method.request, received.envelope.contents.body, kinds);
    const context = new InboundRequest<Response>(received, this.#method, answers, onAnswered);
    return { context, handle: () => this.#handler(body, context) };
  }
}

export interface RequestServerOptions {
  readonly document: () => OverlayDocument;
  /** A node used an older configuration than ours: it is due a ConfigUpdate (RFC 6940 §6.3.2.1). */
  readonly onOlderConfiguration?: (node: NodeId, path: readonly Destination[]) => void;
}

/** Takes the verified requests addressed to this node, checks what is common to all, and hands them to their handlers. */
export class RequestServer {
  readonly #answers: Answers;
  readonly #metrics: ForwardingMetrics;
  readonly #logger: Logger;
  readonly #options: RequestServerOptions;
  readonly #duplicates: DuplicateCache;
  readonly #handlers = new Map<number, Registration>();

  constructor(
    deps: { clock: Clock; logger: Logger; metrics: ForwardingMetrics; answers: Answers },
    options: RequestServerOptions,
  ) {
    this.#answers = deps.answers;
    this.#metrics = deps.metrics;
    this.#logger = deps.logger;
    this.#options = options;
    this.#duplicates = new DuplicateCache(deps);
  }

  /** Sets the one handler of a method. */
  handle<Request, Response>(
    method: Method<Request, Response>,
    handler: RequestHandler<Request, Response>,
  ): void {
    this.#handlers.set(method.requestCode, new MethodRegistration(method, handler));
  }

  /** A request whose signature verified. */
  requestReceived(received: ReceivedRequest): void {
    const { envelope, signer } = received;
    const { transactionId } = envelope.header;
    const remember = !REPEATABLE.has(envelope.contents.code);
    if (remember) {
      const known = this.#duplicates.begin(signer.nodeId, transactionId);
      if (known === 'in-progress') {
        this.#metrics.drop('duplicate');
        return;
      }
      if (known !== 'new') {
        this.#metrics.repeatedAnswers.inc();
        this.#answers.repeat({ header: envelope.header, previousHop: received.previousHop }, known);
        return;
      }
    }
    const onAnswered = (answer: GivenAnswer): void => {
      if (remember) this.#duplicates.answered(signer.nodeId, transactionId, answer);
    };
    try {
      this.#check(received);
      this.#dispatch(received, onAnswered);
    } catch (error) {
      if (isDiscarded(error)) {
        this.#metrics.drop('malformed');
        return;
      }
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      onAnswered(
        this.#answers.refuse({ header: envelope.header, previousHop: received.previousHop }, refusal),
      );
    }
  }

  /** Forgets what was answered. */
  stop(): void {
    this.#duplicates.clear();
  }

  #dispatch(received: ReceivedRequest, onAnswered: (answer: GivenAnswer) => void): void {
    const { code } = received.envelope.contents;
    const registration = this.#handlers.get(code);
    if (registration === undefined) {
      throw new RequestRefusal(ErrorCode.Invalid_Message, `${messageName(code)} is not supported`);
    }
    const answering = { answers: this.#answers, onAnswered };
    this.#run(registration.name, registration.prepare(received, this.#options.document().kinds, answering));
  }

  /** @throws RequestRefusal */
  #check(received: ReceivedRequest): void {
    const { header, contents } = received.envelope;
    // §6.3.2.3; no forwarding option is defined that we could understand.
    if (hasOption(header, OptionFlag.destinationCritical)) {
      throw new RequestRefusal(ErrorCode.Unsupported_Forwarding_Option);
    }
    // §6.3.3
    const unknown = contents.extensions.find((extension) => extension.critical);
    if (unknown !== undefined) {
      throw new RequestRefusal(ErrorCode.Unknown_Extension, `extension ${unknown.type}`);
    }
    this.#checkSequence(received);
  }

  /** RFC 6940 §6.3.2.1. */
  #checkSequence({ envelope: { header, contents }, signer, previousHop }: ReceivedRequest): void {
    const theirs = header.configurationSequence;
    if (theirs === ANY_SEQUENCE && contents.code === configUpdate.requestCode) return;
    switch (compareSequence(theirs, this.#options.document().sequence)) {
      case 'equal':
        return;
      case 'older':
        // The way back that the answer takes: it reaches nodes that are not part of the ring as well.
        this.#options.onOlderConfiguration?.(signer.nodeId, returnPath(header.viaList, previousHop));
        throw new RequestRefusal(ErrorCode.Config_Too_Old);
      case 'newer':
        throw new RequestRefusal(ErrorCode.Config_Too_New);
    }
  }

  #run(name: string, { context, handle }: Prepared): void {
    const onError = (error: unknown): void => {
      if (isDiscarded(error)) {
        this.#metrics.drop('malformed');
        return;
      }
      const refusal = refusalOf(error);
      if (refusal !== undefined) {
        context.fail(refusal.errorCode, refusal.errorInfo);
        return;
      }
      this.#logger.error(`handling a ${name} request failed`, {
        from: context.signer.nodeId,
        error: errorMessage(error),
        ...(error instanceof CodedError && { code: error.code }),
      });
      context.fail(ErrorCode.Invalid_Message, 'internal error');
    };
    try {
      handle()?.catch(onError);
    } catch (error) {
      onError(error);
    }
  }
}

/**
 * RFC 6940 §6.3.1.1: an unknown type in a select that does not provide for any "SHOULD be treated as a parsing error,
 * and the whole message SHOULD be discarded with no response".
 */
function isDiscarded(error: unknown): boolean {
  return error instanceof DecodeError && error.code === 'unknown-type';
}

/** The answer that an error stands for; undefined when it is a failure of our own. */
function refusalOf(error: unknown): RequestRefusal | undefined {
  if (error instanceof RequestRefusal) return error;
  if (error instanceof UnknownKindsError) {
    const unknownKinds = error.kinds.slice(0, MAX_UNKNOWN_KINDS);
    return new RequestRefusal(ErrorCode.Unknown_Kind, encodeWhole(unknownKindsInfo, { unknownKinds }));
  }
  if (error instanceof DecodeError) return new RequestRefusal(ErrorCode.Invalid_Message, error.message);
  return undefined;
}
