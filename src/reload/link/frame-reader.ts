import { ACK_FRAME_BYTES, DATA_HEADER_BYTES, FRAME_ACK, FRAME_DATA } from './frame.ts';

/** So much of a message that is too large is kept: its forwarding header, to answer it. */
const OVERSIZED_PREFIX_BYTES = 8_192;

/** Sizes of frames that have none. */
const UNKNOWN = 0;
const BAD = -1;

export interface FrameSink {
  /** The overlay's max-message-size, read anew for each message. */
  readonly maxMessageBytes: number;
  /** A whole data or ack frame, header included. It may share memory with the chunk it came in. */
  onFrame(frame: Buffer): void;
  /** The beginning of a message longer than allowed; nothing is read after it. */
  onOversized(messagePrefix: Buffer, declaredBytes: number): void;
  /** Not a frame; nothing is read after it. */
  onBadFrame(type: number): void;
}

/** Room made for a frame at first: what is declared but does not come takes no memory. */
const FIRST_BYTES = 4_096;

/** A frame that comes in pieces. */
interface PartialFrame {
  bytes: Buffer;
  /** How many of the bytes have come. */
  filled: number;
  size: number;
}

/** Cuts a byte stream into frames (RFC 6940 §6.6.2); holds at most one incomplete frame. */
export class FrameReader {
  readonly #sink: FrameSink;
  #partial: PartialFrame | undefined;
  #frames = 0;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the beginning of a frame waits for the rest. */
  get isIncomplete(): boolean {
    return this.#partial !== undefined;
  }

  /** Frames cut so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Reads nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#partial = undefined;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at = this.read(chunk, at);
  }

  /** Reads on from `offset` as far as the end of one frame. @returns where that is; the end of the chunk when stopped */
  read(chunk: Buffer, offset: number): number {
    if (this.#isStopped) return chunk.length;
    if (this.#partial !== undefined) return this.#fill(this.#partial, chunk, offset);
    const size = this.#sizeOf(chunk, offset, chunk.length);
    if (size === BAD) {
      this.stop();
      this.#sink.onBadFrame(chunk[offset]!);
      return chunk.length;
    }
    if (size === UNKNOWN || offset + size > chunk.length) {
      const room = Buffer.allocUnsafe(Math.min(size === UNKNOWN ? DATA_HEADER_BYTES : size, FIRST_BYTES));
      this.#partial = { bytes: room, filled: 0, size };
      return this.#fill(this.#partial, chunk, offset);
    }
    this.#deliver(chunk.subarray(offset, offset + size));
    return offset + size;
  }

  /** Takes what belongs to the incomplete frame; returns the offset of what comes after. */
  #fill(partial: PartialFrame, chunk: Buffer, start: number): number {
    const wanted = partial.size === UNKNOWN ? DATA_HEADER_BYTES : partial.size;
    const end = Math.min(chunk.length, start + wanted - partial.filled);
    makeRoom(partial, partial.filled + end - start, wanted);
    chunk.copy(partial.bytes, partial.filled, start, end);
    partial.filled += end - start;
    if (partial.size === UNKNOWN) partial.size = this.#sizeOf(partial.bytes, 0, partial.filled);
    if (partial.filled === partial.size) {
      this.#partial = undefined;
      this.#deliver(partial.bytes.subarray(0, partial.size));
    }
    return end;
  }

  /** The size of the frame that begins at `offset`, cut to a prefix if its message is too large. */
  #sizeOf(bytes: Buffer, offset: number, end: number): number {
    const type = bytes[offset];
    if (type === FRAME_ACK) return ACK_FRAME_BYTES;
    if (type !== FRAME_DATA) return BAD;
    if (end - offset < DATA_HEADER_BYTES) return UNKNOWN;
    const messageBytes = bytes.readUIntBE(offset + 5, 3);
    const isOversized = messageBytes > this.#sink.maxMessageBytes;
    return DATA_HEADER_BYTES + (isOversized ? Math.min(messageBytes, OVERSIZED_PREFIX_BYTES) : messageBytes);
  }

  #deliver(frame: Buffer): void {
    this.#frames++;
    if (frame[0] === FRAME_DATA) {
      const declared = frame.readUIntBE(5, 3);
      if (declared > this.#sink.maxMessageBytes) {
        this.stop();
        this.#sink.onOversized(frame.subarray(DATA_HEADER_BYTES), declared);
        return;
      }
    }
    this.#sink.onFrame(frame);
  }
}

/** @param most the size of the frame, as far as it is known */
function makeRoom(partial: PartialFrame, needed: number, most: number): void {
  const { bytes, filled } = partial;
  if (needed <= bytes.length) return;
  partial.bytes = Buffer.allocUnsafe(Math.min(most, Math.max(needed, FIRST_BYTES, 2 * bytes.length)));
  bytes.copy(partial.bytes, 0, 0, filled);
}
