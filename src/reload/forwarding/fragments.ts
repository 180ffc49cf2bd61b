import { type Clock, IdleMap } from '../../base/index.ts';
import { encodeWithHeader, type ForwardingHeader, WHOLE_MESSAGE } from '../messages/forwarding-header.ts';
import type { NodeId } from '../wire/ids.ts';

const LAST_FRAGMENT = 0x4000_0000;
const OFFSET_MASK = 0x00ff_ffff;
const FRAGMENT_BIT = 0x8000_0000;

/** RFC 6940 §6.7: room for the Via list to grow before the next link fragments again. */
const HEADROOM = 32;

/** RFC 6940 §6.7: "MUST contain at least 256 bytes of the message body". */
const MIN_FRAGMENT_BODY = 256;

/** RFC 6940 §6.7: the maximum request lifetime. */
const REASSEMBLY_MS = 15_000;

const MAX_MESSAGES = 256;
const MAX_TOTAL_BYTES = 4 * 1024 * 1024;

/** What came over the links with one node may take a quarter of each, so that none can crowd out the others. */
const MAX_SHARE = 1 / 4;

/** Pieces of one message at the most: each makes the next one dearer to fit in. */
const MAX_PIECES = 4_096;

/** RFC 6940 §6.7: whether the message came in one piece (the six reserved bits are ignored). */
export function isWhole({ fragment }: ForwardingHeader): boolean {
  return (fragment & LAST_FRAGMENT) !== 0 && (fragment & OFFSET_MASK) === 0;
}

/** True for whole messages and for first fragments: where the message code can be read. */
export function startsAtContents({ fragment }: ForwardingHeader): boolean {
  return (fragment & OFFSET_MASK) === 0;
}

/**
 * RFC 6940 §6.7: splits a message (or a fragment of one) for a datagram link into equal pieces that leave room for
 * 32 bytes. A message that fits, or whose lists leave no room for 256 bytes of body, is not split: then IP does it.
 */
export function fragmentFor(
  mtu: number | undefined,
  bytes: Uint8Array,
  header: ForwardingHeader,
): readonly Uint8Array[] {
  if (mtu === undefined || bytes.length <= mtu) return [bytes];
  const room = mtu - HEADROOM - header.headerLength;
  if (room < MIN_FRAGMENT_BODY) return [bytes];
  const body = bytes.subarray(header.headerLength);
  const count = Math.ceil(body.length / room);
  const size = Math.ceil(body.length / count);
  const base = header.fragment & OFFSET_MASK;
  const last = header.fragment & LAST_FRAGMENT;
  return Array.from({ length: count }, (_, i) => {
    const start = i * size;
    const end = Math.min(start + size, body.length);
    const flag = end === body.length ? last : 0;
    const fragment = (FRAGMENT_BIT | flag | (base + start)) >>> 0;
    return encodeWithHeader({ ...header, fragment }, body.subarray(start, end));
  });
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Assembly {
  /** The node it comes from. */
  readonly hop: NodeId;
  readonly pieces: Piece[];
  /** Monotonic ms. */
  readonly expiresAt: number;
  bytes: number;
  /** Bytes of the whole body, known once the last fragment is here. */
  total: number | undefined;
}

/** What is held for one node. */
interface Share {
  messages: number;
  bytes: number;
}

export type ReassemblyResult =
  | { readonly state: 'waiting' }
  | { readonly state: 'complete'; readonly message: Uint8Array }
  /** Contradictory, too large, or no room: the fragment (or all of its message) was dropped. */
  | { readonly state: 'dropped' };

const waiting: ReassemblyResult = { state: 'waiting' };
const dropped: ReassemblyResult = { state: 'dropped' };

/** Puts fragments together at the destination (RFC 6940 §6.7); bounded in messages, bytes and time. */
export class Reassembler {
  readonly #clock: Clock;
  readonly #assemblies = new IdleMap<bigint, Assembly>();
  readonly #shares = new IdleMap<NodeId, Share>();
  #heldBytes = 0;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  /** Bytes held for incomplete messages. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * @param limits.maxMessageSize bytes of the largest message the overlay allows
   * @param limits.hop the node it came from
   */
  add(
    bytes: Uint8Array,
    header: ForwardingHeader,
    { maxMessageSize, hop }: { readonly maxMessageSize: number; readonly hop: NodeId },
  ): ReassemblyResult {
    this.#expire();
    const offset = header.fragment & OFFSET_MASK;
    const isLast = (header.fragment & LAST_FRAGMENT) !== 0;
    const body = bytes.subarray(header.headerLength);
    const end = offset + body.length;
    if (body.length === 0 || header.headerLength + end > maxMessageSize) return dropped;
    const id = header.transactionId;
    const assembly = this.#assemblies.get(id) ?? this.#begin(id, hop);
    if (assembly === undefined || !this.#hasRoom(assembly.hop, body.length)) return dropped;

    if (isLast) {
      if (assembly.total !== undefined && assembly.total !== end) return this.#forget(id, assembly);
      assembly.total = end;
    }
    // A retransmitted request may be cut differently on its way, so pieces may overlap; equal ones are not kept twice.
    if (assembly.pieces.some((piece) => piece.offset === offset && piece.bytes.length >= body.length)) {
      return waiting;
    }
    // Twice the message's size and its number of pieces is enough for any honest overlap.
    const most = Math.min(MAX_PIECES, Math.ceil((2 * maxMessageSize) / MIN_FRAGMENT_BODY));
    if (assembly.bytes + body.length > 2 * maxMessageSize || assembly.pieces.length >= most) {
      return this.#forget(id, assembly);
    }
    // A copy: the piece outlives the frame it came in.
    assembly.pieces.push({ offset, bytes: new Uint8Array(body) });
    assembly.bytes += body.length;
    this.#heldBytes += body.length;
    this.#shareOf(assembly.hop).bytes += body.length;

    const { total } = assembly;
    const whole = total === undefined || assembly.bytes < total ? undefined : joined(assembly.pieces, total);
    if (whole === undefined) return waiting;
    this.#forget(id, assembly);
    return { state: 'complete', message: encodeWithHeader({ ...header, fragment: WHOLE_MESSAGE }, whole) };
  }

  #begin(id: bigint, hop: NodeId): Assembly | undefined {
    const share = this.#shareOf(hop);
    if (this.#assemblies.size >= MAX_MESSAGES || share.messages >= MAX_MESSAGES * MAX_SHARE) return undefined;
    const expiresAt = this.#clock.monotonic() + REASSEMBLY_MS;
    const assembly: Assembly = { hop, pieces: [], expiresAt, bytes: 0, total: undefined };
    this.#assemblies.set(id, assembly);
    this.#shares.set(hop, share);
    share.messages++;
    return assembly;
  }

  #hasRoom(hop: NodeId, bytes: number): boolean {
    return (
      this.#heldBytes + bytes <= MAX_TOTAL_BYTES &&
      this.#shareOf(hop).bytes + bytes <= MAX_TOTAL_BYTES * MAX_SHARE
    );
  }

  #shareOf(hop: NodeId): Share {
    return this.#shares.get(hop) ?? { messages: 0, bytes: 0 };
  }

  #forget(id: bigint, assembly: Assembly): ReassemblyResult {
    this.#assemblies.delete(id);
    this.#heldBytes -= assembly.bytes;
    const share = this.#shareOf(assembly.hop);
    share.messages--;
    share.bytes -= assembly.bytes;
    if (share.messages === 0) this.#shares.delete(assembly.hop);
    return dropped;
  }

  /** All live equally long, so the oldest are the first. */
  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [id, assembly] of this.#assemblies) {
      if (assembly.expiresAt > now) return;
      this.#forget(id, assembly);
    }
  }
}

/** The body, if the pieces cover it without a gap. */
function joined(pieces: readonly Piece[], total: number): Uint8Array | undefined {
  const ordered = pieces.toSorted((a, b) => a.offset - b.offset);
  let covered = 0;
  for (const { offset, bytes } of ordered) {
    if (offset > covered) return undefined;
    covered = Math.max(covered, offset + bytes.length);
  }
  if (covered !== total) return undefined;
  const whole = new Uint8Array(total);
  for (const { offset, bytes } of ordered) whole.set(bytes, offset);
  return whole;
}
