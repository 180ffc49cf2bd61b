import type { Clock } from '../../base/index.ts';
import { encodeWithHeader, type ForwardingHeader, WHOLE_MESSAGE } from '../messages/forwarding-header.ts';

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
  readonly pieces: Piece[];
  /** Monotonic ms. */
  readonly expiresAt: number;
  bytes: number;
  /** Bytes of the whole body, known once the last fragment is here. */
  total: number | undefined;
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
  readonly #assemblies = new Map<bigint, Assembly>();
  #heldBytes = 0;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  /** Bytes held for incomplete messages. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @param maxMessageSize bytes of the largest message the overlay allows */
  add(bytes: Uint8Array, header: ForwardingHeader, maxMessageSize: number): ReassemblyResult {
    this.#expire();
    const offset = header.fragment & OFFSET_MASK;
    const body = bytes.subarray(header.headerLength);
    const end = offset + body.length;
    if (body.length === 0 || header.headerLength + end > maxMessageSize) return dropped;
    const id = header.transactionId;
    const assembly = this.#assemblies.get(id) ?? this.#begin(id);
    if (assembly === undefined || this.#heldBytes + body.length > MAX_TOTAL_BYTES) return dropped;

    if ((header.fragment & LAST_FRAGMENT) !== 0) {
      if (assembly.total !== undefined && assembly.total !== end) return this.#forget(id, assembly);
      assembly.total = end;
    }
    // A retransmitted request may be cut differently on its way, so pieces may overlap; equal ones are not kept twice.
    if (assembly.pieces.some((piece) => piece.offset === offset && piece.bytes.length >= body.length)) {
      return waiting;
    }
    // A copy: the piece outlives the frame it came in. Twice the message's size is enough for any honest overlap.
    if (assembly.bytes + body.length > 2 * maxMessageSize) return this.#forget(id, assembly);
    assembly.pieces.push({ offset, bytes: new Uint8Array(body) });
    assembly.bytes += body.length;
    this.#heldBytes += body.length;

    const whole = assembly.total === undefined ? undefined : joined(assembly.pieces, assembly.total);
    if (whole === undefined) return waiting;
    this.#forget(id, assembly);
    return { state: 'complete', message: encodeWithHeader({ ...header, fragment: WHOLE_MESSAGE }, whole) };
  }

  #begin(id: bigint): Assembly | undefined {
    if (this.#assemblies.size >= MAX_MESSAGES) return undefined;
    const expiresAt = this.#clock.monotonic() + REASSEMBLY_MS;
    const assembly: Assembly = { pieces: [], expiresAt, bytes: 0, total: undefined };
    this.#assemblies.set(id, assembly);
    return assembly;
  }

  #forget(id: bigint, assembly: Assembly): ReassemblyResult {
    this.#assemblies.delete(id);
    this.#heldBytes -= assembly.bytes;
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
