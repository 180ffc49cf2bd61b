import type { Destination } from '../messages/destination.ts';
import type { MessageExtension } from '../messages/extension.ts';
import { type Envelope, encodeContents } from '../messages/message.ts';
import type { Method } from '../messages/method.ts';
import type { SignedBy } from '../security/signature.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Answers, GivenAnswer } from './answers.ts';
import { RequestRefusal } from './reload-error.ts';

/** What a request handler knows of a request besides its body, and how it answers. */
export interface RequestContext<Response> {
  /** The verified signer. */
  readonly signer: SignedBy;
  /** DER certificates that came along, for the signatures of the values inside. */
  readonly certificates: readonly Uint8Array[];
  readonly extensions: readonly MessageExtension[];
  /** The directly connected node it came through (its Node-ID is proved by its link). */
  readonly previousHop: NodeId;
  /** What it was addressed to: our Node-ID, the wildcard, or a Resource-ID. */
  readonly destination: Destination;
  readonly transactionId: bigint;
  /** The first of `respond` and `fail` answers; whatever is called after it has no effect. */
  respond(answer: Response, options?: { readonly certificates?: readonly Uint8Array[] }): void;
  /** @param info text for people, or the bytes that the error code prescribes */
  fail(errorCode: number, info?: string | Uint8Array): void;
}

/** A verified envelope that turned out to be a request for us. */
export interface ReceivedRequest {
  readonly envelope: Envelope;
  readonly signer: SignedBy;
  readonly previousHop: NodeId;
}

/** One request being handled. */
export class InboundRequest<Response> implements RequestContext<Response> {
  readonly signer: SignedBy;
  readonly certificates: readonly Uint8Array[];
  readonly extensions: readonly MessageExtension[];
  readonly previousHop: NodeId;
  readonly destination: Destination;
  readonly transactionId: bigint;
  readonly #method: Pick<Method<unknown, Response>, 'answer' | 'answerCode'>;
  readonly #received: ReceivedRequest;
  readonly #answers: Answers;
  readonly #onAnswered: (answer: GivenAnswer) => void;
  #answered = false;

  /** @param onAnswered told once, with the answer as it must be repeated to duplicates */
  constructor(
    received: ReceivedRequest,
    method: Pick<Method<unknown, Response>, 'answer' | 'answerCode'>,
    answers: Answers,
    onAnswered: (answer: GivenAnswer) => void,
  ) {
    const { envelope, signer, previousHop } = received;
    this.signer = signer;
    this.certificates = envelope.security.certificates;
    this.extensions = envelope.contents.extensions;
    this.previousHop = previousHop;
    // The pipeline never delivers a message without a destination.
    this.destination = envelope.header.destinationList.at(-1)!;
    this.transactionId = envelope.header.transactionId;
    this.#method = method;
    this.#received = received;
    this.#answers = answers;
    this.#onAnswered = onAnswered;
  }

  respond(answer: Response, { certificates = [] }: { certificates?: readonly Uint8Array[] } = {}): void {
    if (this.#answered) return;
    const contents = encodeContents(this.#method.answerCode, this.#method.answer, answer);
    this.#finish(this.#answers.send(this.#request(), contents, certificates));
  }

  fail(errorCode: number, info: string | Uint8Array = ''): void {
    if (this.#answered) return;
    this.#finish(this.#answers.refuse(this.#request(), new RequestRefusal(errorCode, info)));
  }

  #finish(answer: GivenAnswer): void {
    this.#answered = true;
    this.#onAnswered(answer);
  }

  #request() {
    return { header: this.#received.envelope.header, previousHop: this.previousHop };
  }
}
