import type { Destination } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { type ForwardingHeader, type HopChanges, rewriteHeader } from '../messages/forwarding-header.ts';
import { hasOption, OptionFlag } from '../messages/forwarding-option.ts';
import { isRequestCode } from '../messages/method.ts';
import { EncodeError } from '../wire/decode-error.ts';
import type { NodeId } from '../wire/ids.ts';
import type { ForwardingMetrics } from './forwarding-metrics.ts';
import { codeOf } from './message-code.ts';
import type { PreviousHop } from './ports.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Transmitter } from './transmitter.ts';
import type { ViaTable } from './via-table.ts';

interface ForwarderDeps {
  readonly metrics: ForwardingMetrics;
  readonly transmitter: Transmitter;
  readonly vias: ViaTable;
  readonly limits: RateLimits;
}

interface ForwarderOptions {
  readonly self: NodeId;
  /** Bytes. */
  readonly maxMessageSize: () => number;
  /** Answers with an error where the message is a request. */
  readonly refuse: (bytes: Uint8Array, header: ForwardingHeader, hop: PreviousHop, errorCode: number) => void;
}

/** Passes messages on to the next hop (RFC 6940 §6.1.2). */
export class Forwarder {
  readonly #deps: ForwarderDeps;
  readonly #options: ForwarderOptions;

  constructor(deps: ForwarderDeps, options: ForwarderOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  forward(
    bytes: Uint8Array,
    header: ForwardingHeader,
    hop: PreviousHop,
    { next, destinationList }: { readonly next: NodeId; readonly destinationList: readonly Destination[] },
  ): void {
    const { metrics, transmitter, limits } = this.#deps;
    const { self, refuse } = this.#options;
    // §6.3.2: "If a received message has a TTL of 0 and the message is not destined for the receiving node".
    if (header.ttl === 0) {
      metrics.drop('ttl');
      refuse(bytes, header, hop, ErrorCode.TTL_Exceeded);
      return;
    }
    // §6.3.2.3; no forwarding option is defined that we could understand.
    if (hasOption(header, OptionFlag.forwardCritical)) {
      metrics.drop('option');
      refuse(bytes, header, hop, ErrorCode.Unsupported_Forwarding_Option);
      return;
    }
    if (hop.nodeId !== self && !limits.mayForward(hop.nodeId, bytes.length)) {
      metrics.drop('rate');
      return;
    }
    const rewritten = this.#rewritten(bytes, header, hop, destinationList);
    if (rewritten === undefined) {
      metrics.drop('too-large');
      refuse(bytes, header, hop, ErrorCode.Message_Too_Large);
      return;
    }
    if (transmitter.put(next, rewritten)) metrics.forwarded.inc();
  }

  /** As the next hop gets it; undefined when the way back makes it too large, however it is written. */
  #rewritten(
    bytes: Uint8Array,
    header: ForwardingHeader,
    hop: PreviousHop,
    destinationList: readonly Destination[],
  ): Uint8Array | undefined {
    const { vias } = this.#deps;
    const code = codeOf(bytes, header);
    // Answers need no way back (§6.1.2); a later fragment does not say what it is part of.
    const needsWayBack = code === undefined || isRequestCode(code);
    const viaList = needsWayBack ? vias.extend(header.viaList, hop.nodeId) : header.viaList;
    const changes = { ttl: header.ttl - 1, viaList, destinationList };
    return (
      this.#rewrite(bytes, header, changes) ??
      this.#rewrite(bytes, header, { ...changes, viaList: vias.compress(viaList) })
    );
  }

  #rewrite(bytes: Uint8Array, header: ForwardingHeader, changes: HopChanges): Uint8Array | undefined {
    try {
      const rewritten = rewriteHeader(bytes, header, changes);
      return rewritten.length > this.#options.maxMessageSize() ? undefined : rewritten;
    } catch (error) {
      if (error instanceof EncodeError) return undefined;
      throw error;
    }
  }
}
