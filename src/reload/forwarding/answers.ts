import type { OverlayDocument } from '../document/overlay-document.ts';
import { ErrorCode, errorResponse } from '../messages/error-response.ts';
import {
  type ForwardingHeader,
  type HeaderFields,
  messageLength,
  WHOLE_MESSAGE,
} from '../messages/forwarding-header.ts';
import { type ForwardingOption, OptionFlag } from '../messages/forwarding-option.ts';
import { encodeContents } from '../messages/message.ts';
import { ERROR_CODE } from '../messages/method.ts';
import type { Signer } from '../security/signature.ts';
import type { NodeId } from '../wire/ids.ts';
import { returnPath } from './destination-list.ts';
import type { ForwardingMetrics } from './forwarding-metrics.ts';
import type { RequestRefusal } from './reload-error.ts';
import { type SealedMessage, seal } from './sealed-message.ts';
import type { Transmitter } from './transmitter.ts';

/** What of a request its answer needs. */
export interface AnsweredRequest {
  readonly header: ForwardingHeader;
  readonly previousHop: NodeId;
}

const NO_CERTIFICATES: readonly never[] = [];

/** What has to be remembered of an answer to give the same once more; it is signed anew. */
export interface GivenAnswer {
  readonly contents: Uint8Array;
  /** DER, of the values inside. */
  readonly certificates: readonly Uint8Array[];
}

export interface AnswersOptions {
  readonly document: () => OverlayDocument;
  /** Its signer is read anew for each answer. */
  readonly identity: { readonly signer: Signer };
}

/** Signs answers and errors and sends them back the way the request came (RFC 6940 §6.2.2). */
export class Answers {
  readonly #transmitter: Transmitter;
  readonly #options: AnswersOptions;
  readonly #metrics: ForwardingMetrics;

  constructor(
    { transmitter, metrics }: { transmitter: Transmitter; metrics: ForwardingMetrics },
    options: AnswersOptions,
  ) {
    this.#transmitter = transmitter;
    this.#options = options;
    this.#metrics = metrics;
  }

  /**
   * @param contents an encoded answer; replaced by an error when it is larger than the asker or the overlay allows
   * @param certificates DER, of the values inside
   */
  send(
    request: AnsweredRequest,
    contents: Uint8Array,
    certificates: readonly Uint8Array[] = NO_CERTIFICATES,
  ): GivenAnswer {
    const sealed = this.#seal(request, contents, certificates);
    const { maxResponseLength } = request.header;
    const size = messageLength(this.#fields(request), sealed.contents, sealed.security);
    const limit = this.#options.document().maxMessageSize;
    // RFC 6940 §6.3.2 wants Incompatible_with_Overlay, §6.3.3.1 Response_Too_Large (requirement T6).
    if (size > (maxResponseLength === 0 ? limit : Math.min(limit, maxResponseLength))) {
      return this.#error(request, ErrorCode.Response_Too_Large, new Uint8Array(0));
    }
    this.#transmit(request, sealed);
    return { contents, certificates };
  }

  refuse(request: AnsweredRequest, { errorCode, errorInfo }: RequestRefusal): GivenAnswer {
    return this.#error(request, errorCode, errorInfo);
  }

  /** Gives the answer that was given before; the request may have come another way. */
  repeat(request: AnsweredRequest, { contents, certificates }: GivenAnswer): void {
    this.#transmit(request, this.#seal(request, contents, certificates));
  }

  #transmit(request: AnsweredRequest, sealed: SealedMessage): void {
    this.#transmitter.send(this.#fields(request), sealed);
  }

  #fields({ header, previousHop }: AnsweredRequest): HeaderFields {
    const document = this.#options.document();
    return {
      overlay: document.overlayHash,
      configurationSequence: document.sequence,
      ttl: document.initialTtl,
      fragment: WHOLE_MESSAGE,
      transactionId: header.transactionId,
      maxResponseLength: 0,
      viaList: [],
      destinationList: returnPath(header.viaList, previousHop),
      options: copiedOptions(header.options),
    };
  }

  #error(request: AnsweredRequest, errorCode: number, errorInfo: Uint8Array): GivenAnswer {
    const contents = encodeContents(ERROR_CODE, errorResponse, { errorCode, errorInfo });
    this.#metrics.refused(errorCode);
    const given = { contents, certificates: NO_CERTIFICATES };
    this.repeat(request, given);
    return given;
  }

  #seal(
    { header }: AnsweredRequest,
    contents: Uint8Array,
    certificates: readonly Uint8Array[],
  ): SealedMessage {
    const { overlayHash } = this.#options.document();
    return seal(contents, {
      overlayHash,
      transactionId: header.transactionId,
      signer: this.#options.identity.signer,
      certificates,
    });
  }
}

/** RFC 6940 §6.3.2.3: RESPONSE_COPY options go into the answer with all three flags cleared. */
function copiedOptions(options: readonly ForwardingOption[]): readonly ForwardingOption[] {
  const flags = OptionFlag.forwardCritical | OptionFlag.destinationCritical | OptionFlag.responseCopy;
  return options
    .filter((option) => (option.flags & OptionFlag.responseCopy) !== 0)
    .map((option) => ({ ...option, flags: option.flags & ~flags }));
}
