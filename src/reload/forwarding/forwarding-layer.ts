import {
  type Clock,
  CodedError,
  errorMessage,
  type Logger,
  type Metrics,
  type Random,
  type ReloadTrace,
} from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { Destination } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { decodeHeader, type ForwardingHeader } from '../messages/forwarding-header.ts';
import { hasOption, OptionFlag } from '../messages/forwarding-option.ts';
import { decodeEnvelope, type Envelope } from '../messages/message.ts';
import { isRequestCode, type Method } from '../messages/method.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { SignedBy, Signer } from '../security/signature.ts';
import { DecodeError } from '../wire/decode-error.ts';
import type { NodeId } from '../wire/ids.ts';
import { Answers } from './answers.ts';
import type { MendConfiguration } from './configuration-sequence.ts';
import { routeByDestinations } from './destination-list.ts';
import { Forwarder } from './forwarder.ts';
import { type DropReason, ForwardingMetrics } from './forwarding-metrics.ts';
import { isWhole, Reassembler } from './fragments.ts';
import { type HeaderLimits, headerFault } from './header-check.ts';
import { codeOf, mayComeUnattached } from './message-code.ts';
import type { LinkTable, PreviousHop, Routing } from './ports.ts';
import { type RateLimitOptions, RateLimits } from './rate-limits.ts';
import { RequestRefusal } from './reload-error.ts';
import { type Answer, RequestClient, type RequestOptions } from './request-client.ts';
import { type RequestHandler, RequestServer } from './request-server.ts';
import { verifyEnvelope } from './sealed-message.ts';
import { Transmitter } from './transmitter.ts';
import { ViaTable } from './via-table.ts';

export interface ForwardingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly links: LinkTable;
  readonly routing: Routing;
  readonly certificates: CertificateStore;
  readonly trace?: ReloadTrace;
}

export interface ForwardingOptions {
  /** The configuration in force, asked anew for each message. */
  readonly document: () => OverlayDocument;
  /** What is taken from others; the document's own limits by default. */
  readonly accepted?: () => HeaderLimits;
  /** Whose signer signs the messages of this node; read anew for each. */
  readonly identity: { readonly signer: Signer };
  /** Replaces Via lists from this many entries on by an opaque id (RFC 6940 §6.1.2). */
  readonly compressViaFrom?: number;
  /** A node used an older configuration than ours; `path` leads to it (RFC 6940 §6.3.2.1). */
  readonly onOlderConfiguration?: (nodeId: NodeId, path: readonly Destination[]) => void;
  /** Asked when a request of ours meets another configuration; without it, the request fails. */
  readonly mendConfiguration?: MendConfiguration;
  /** What any one node may cost us. */
  readonly rateLimits?: RateLimitOptions;
}

/**
 * The Forwarding and Link Management Layer's message handling (RFC 6940 §§6.1-6.3): messages from links go on to
 * the next hop, to the handlers of their method, or to the request they answer.
 */
export class ForwardingLayer {
  readonly #deps: ForwardingDeps;
  readonly #options: ForwardingOptions;
  readonly #metrics: ForwardingMetrics;
  readonly #transmitter: Transmitter;
  readonly #answers: Answers;
  readonly #client: RequestClient;
  readonly #server: RequestServer;
  readonly #reassembler: Reassembler;
  readonly #vias: ViaTable;
  readonly #forwarder: Forwarder;
  readonly #limits: RateLimits;

  constructor(deps: ForwardingDeps, options: ForwardingOptions) {
    this.#deps = deps;
    this.#options = options;
    const { links, routing } = deps;
    const metrics = ForwardingMetrics.of(deps.metrics);
    this.#metrics = metrics;
    this.#vias = new ViaTable(deps, {
      ...options,
      reliabilityTimerMs: () => options.document().reliabilityTimerMs,
    });
    this.#transmitter = new Transmitter({
      links,
      routing,
      metrics,
      restore: this.#vias.restore,
      // Never in the same turn: the sender has to finish noting what it sent.
      loopback: (bytes) => queueMicrotask(() => this.receive(bytes, { nodeId: routing.self })),
    });
    this.#answers = new Answers({ transmitter: this.#transmitter, metrics }, options);
    this.#client = new RequestClient({ ...deps, metrics, transmitter: this.#transmitter }, options);
    this.#server = new RequestServer({ ...deps, metrics, answers: this.#answers }, options);
    this.#reassembler = new Reassembler(deps);
    this.#limits = new RateLimits(deps, options.rateLimits);
    this.#forwarder = new Forwarder(
      { metrics, transmitter: this.#transmitter, vias: this.#vias, limits: this.#limits },
      {
        self: routing.self,
        maxMessageSize: () => this.#accepted().maxMessageSize,
        refuse: (bytes, header, hop, errorCode) => this.#refuse(bytes, header, hop, errorCode),
      },
    );
  }

  /** Requests of ours that wait for an answer. */
  get pendingRequests(): number {
    return this.#client.pendingCount;
  }

  /** Sets the handler for the requests of a method addressed to this node. */
  handle<Request, Response>(
    method: Method<Request, Response>,
    handler: RequestHandler<Request, Response>,
  ): void {
    this.#server.handle(method, handler);
  }

  /**
   * Sends a request and waits for its answer: 5 sends, one overlay-reliability-timer apart (RFC 6940 §6.2.1).
   * @throws ReloadError when it was answered with an error; RequestFailure when there was no answer; DecodeError
   * when the answer is broken; EncodeError
   */
  request<Request, Response>(
    method: Method<Request, Response>,
    body: Request,
    options: RequestOptions,
  ): Promise<Answer<Response>> {
    return this.#client.request(method, body, options);
  }

  /** A message or fragment that came over the link with `hop`. Never throws. */
  receive(bytes: Uint8Array, link: PreviousHop): void {
    this.#metrics.received.inc();
    let hop = link;
    let header: ForwardingHeader;
    try {
      header = decodeHeader(bytes);
    } catch (error) {
      this.#malformed(error, hop);
      return;
    }
    const fault = headerFault(header, bytes.length, this.#accepted());
    if (fault !== undefined) {
      this.#metrics.drop(fault);
      // §6.3.2: "MUST discard the message and send an Error_TTL_Exceeded error"
      if (fault === 'ttl') this.#refuse(bytes, header, hop, ErrorCode.TTL_Exceeded);
      if (fault === 'too-large') this.#refuse(bytes, header, hop, ErrorCode.Message_Too_Large);
      return;
    }
    if (hop.unattached !== undefined) {
      hop = { nodeId: this.#usedNodeId(bytes, header, hop.unattached) ?? hop.nodeId };
      if (!mayComeUnattached(bytes, header)) {
        this.#metrics.drop('unattached');
        this.#refuse(bytes, header, hop, ErrorCode.Forbidden);
        return;
      }
    }
    const decision = routeByDestinations(header.destinationList, {
      routing: this.#deps.routing,
      links: this.#deps.links,
      restore: this.#vias.restore,
    });
    switch (decision.action) {
      case 'deliver':
        this.#deliver(bytes, header, hop);
        break;
      case 'forward':
        this.#forwarder.forward(bytes, header, hop, decision);
        break;
      case 'drop':
        this.#metrics.drop(decision.reason);
        break;
      default:
        decision satisfies never;
    }
  }

  /**
   * The beginning of a message over max-message-size, before its link is closed. RFC 6940 §6.6: the peer that sent it
   * is told with Error_Message_Too_Large, if the beginning says who that was. Never throws.
   */
  receiveOversized(prefix: Uint8Array, hop: PreviousHop): void {
    this.#metrics.received.inc();
    this.#metrics.drop('too-large');
    let header: ForwardingHeader;
    try {
      header = decodeHeader(prefix);
    } catch (error) {
      this.#malformed(error, hop);
      return;
    }
    if (headerFault(header, header.length, this.#options.document()) !== 'too-large') return;
    this.#refuse(prefix, header, hop, ErrorCode.Message_Too_Large);
  }

  /** Requests that were handed to this node go again by another way: call once it has left the routing table. */
  hopLost(nodeId: string): void {
    this.#client.hopLost(nodeId);
  }

  /** Fails the requests that wait for an answer, and forgets what was answered. */
  stop(): void {
    this.#client.stop();
    this.#server.stop();
  }

  #deliver(bytes: Uint8Array, header: ForwardingHeader, hop: PreviousHop): void {
    if (!isWhole(header)) {
      const { maxMessageSize } = this.#accepted();
      const result = this.#reassembler.add(bytes, header, { maxMessageSize, hop: hop.nodeId });
      if (result.state === 'complete') {
        this.#deliver(result.message, decodeHeader(result.message), hop);
      } else if (result.state === 'dropped') {
        this.#metrics.drop('fragments');
      }
      return;
    }
    const code = codeOf(bytes, header);
    const isRequest = code !== undefined && isRequestCode(code);
    // Before the costly signature check.
    if (!isRequest && !this.#client.expects(header.transactionId)) {
      this.#metrics.drop('unmatched-answer');
      return;
    }
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(bytes, header);
    } catch (error) {
      this.#malformed(error, hop);
      return;
    }
    const certificates = envelope.security.certificates.length;
    if (!this.#isSelf(hop) && !this.#limits.mayVerify(hop.nodeId, certificates)) {
      this.#metrics.drop('rate');
      return;
    }
    const signer = this.#verify(envelope, hop);
    if (signer === undefined) return;
    if (!isRequest) this.#limits.answerVerified(hop.nodeId, certificates);
    else if (!this.#isSelf(hop) && !this.#limits.mayServe(hop.nodeId, signer.nodeId, code, bytes.length)) {
      this.#metrics.drop('rate');
      return;
    }
    this.#metrics.delivered.inc();
    if (isRequest) this.#server.requestReceived({ envelope, signer, previousHop: hop.nodeId });
    else this.#client.answerReceived(envelope, signer, hop.nodeId);
  }

  #accepted(): HeaderLimits {
    const { accepted, document } = this.#options;
    return accepted?.() ?? document();
  }

  /**
   * RFC 6940 §6.1.2: "MUST implement support for returning responses to a Ping or Attach request" of a node with
   * several Node-IDs: until it Attaches, only the signature says which one it uses. Not verified: all are its own.
   */
  #usedNodeId(bytes: Uint8Array, header: ForwardingHeader, own: readonly NodeId[]): NodeId | undefined {
    try {
      const { signature, certificates } = decodeEnvelope(bytes, header).security;
      if (!this.#limits.mayVerify(own[0]!, certificates.length)) return undefined;
      const { nodeId } = this.#deps.certificates.signer(signature.identity, certificates);
      return own.includes(nodeId) ? nodeId : undefined;
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
  }

  #isSelf({ nodeId }: PreviousHop): boolean {
    return nodeId === this.#deps.routing.self;
  }

  #verify(envelope: Envelope, hop: PreviousHop): SignedBy | undefined {
    try {
      return verifyEnvelope(envelope, this.#deps.certificates);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      // §6.3.4: "If the signature fails, the implementation SHOULD simply drop the message".
      this.#metrics.drop('signature');
      this.#deps.logger.debug('message with a bad signature', {
        hop: hop.nodeId,
        code: error.code,
        error: error.message,
      });
      return undefined;
    }
  }

  /** An error answer to a request; nothing in return for answers, errors and later fragments. */
  #refuse(bytes: Uint8Array, header: ForwardingHeader, hop: PreviousHop, errorCode: number): void {
    const code = codeOf(bytes, header);
    if (code === undefined || !isRequestCode(code)) return;
    // Nothing was verified, but the answer is signed.
    if (!this.#isSelf(hop) && !this.#limits.mayVerify(hop.nodeId, 0)) return;
    // §6.3.2.3: "any node that generates a response", of whatever kind, must understand these.
    const critical = hasOption(header, OptionFlag.destinationCritical);
    const refusal = new RequestRefusal(critical ? ErrorCode.Unsupported_Forwarding_Option : errorCode);
    this.#answers.refuse({ header, previousHop: hop.nodeId }, refusal);
  }

  #malformed(error: unknown, hop: PreviousHop): void {
    if (!(error instanceof DecodeError)) throw error;
    const reason: DropReason = 'malformed';
    this.#metrics.drop(reason);
    this.#deps.logger.debug('malformed message', { hop: hop.nodeId, error: errorMessage(error) });
  }
}
