import { ACK_FRAME_BYTES, DATA_HEADER_BYTES, FRAME_ACK, FRAME_DATA } from './frame.ts';

/** So much of a message that is too large is kept: its forwarding header, to answer it. */
const OVERSIZED_PREFIX_BYTES = 8_192;

/** Sizes of frames that have none. */
const UNKNOWN = 0;
const BAD = -1;

const NOTHING = Buffer.alloc(0);

export interface FrameSink {
  /** A whole data or ack frame, header included. It may share memory with the chunk it came in. */
  onFrame(frame: Buffer): void;
  /** The beginning of a message longer than allowed; nothing is read after it. */
  onOversized(messagePrefix: Buffer, declaredBytes: number): void;
  /** Not a frame; nothing is read after it. */
  onBadFrame(type: number): void;
}

/** Room made for a frame at first: what is declared but does not come takes no memory. */
const FIRST_BYTES = 4_096;

/** Cuts a byte stream into frames (RFC 6940 §6.6.2); holds at most one incomplete frame. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: { readonly maxMessageBytes: number };
  /** A frame that came in pieces: its bytes so far, how many there are, and its size. */
  #partial: Buffer = NOTHING;
  #filled = 0;
  #size = UNKNOWN;
  #frames = 0;
  #isStopped = false;

  /** @param limits read anew for each message */
  constructor(sink: FrameSink, limits: { readonly maxMessageBytes: number }) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Whether the beginning of a frame waits for the rest. */
  get isIncomplete(): boolean {
    return this.#filled > 0 && !this.#isStopped;
  }

  /** Frames cut so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Reads nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#partial = NOTHING;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at = this.read(chunk, at);
  }

  /** Reads on from `offset` as far as the end of one frame. @returns where that is; the end of the chunk when stopped */
  read(chunk: Buffer, offset: number): number {
    if (this.#isStopped) return chunk.length;
    if (this.#filled > 0) return this.#fill(chunk, offset);
    const size = this.#sizeOf(chunk, offset, chunk.length);
    if (size === BAD) {
      this.stop();
      this.#sink.onBadFrame(chunk[offset]!);
      return chunk.length;
    }
    if (size === UNKNOWN || offset + size > chunk.length) return this.#fill(chunk, offset);
    this.#deliver(chunk.subarray(offset, offset + size));
    return offset + size;
  }

  /** Takes what belongs to the incomplete frame; returns the offset of what comes after. */
  #fill(chunk: Buffer, start: number): number {
    const wanted = this.#size === UNKNOWN ? DATA_HEADER_BYTES : this.#size;
    const end = Math.min(chunk.length, start + wanted - this.#filled);
    this.#makeRoom(this.#filled + end - start, wanted);
    chunk.copy(this.#partial, this.#filled, start, end);
    this.#filled += end - start;
    if (this.#size === UNKNOWN) this.#size = this.#sizeOf(this.#partial, 0, this.#filled);
    if (this.#filled === this.#size) {
      const frame = this.#partial;
      this.#partial = NOTHING;
      this.#filled = 0;
      this.#size = UNKNOWN;
      this.#deliver(frame);
    }
    return end;
  }

  /** @param most the size of the frame, as far as it is known */
  #makeRoom(needed: number, most: number): void {
    const known = this.#partial;
    if (needed <= known.length) return;
    this.#partial = Buffer.allocUnsafe(Math.min(most, Math.max(needed, FIRST_BYTES, 2 * known.length)));
    known.copy(this.#partial, 0, 0, this.#filled);
  }

  /** The size of the frame that begins at `offset`, cut to a prefix if its message is too large. */
  #sizeOf(bytes: Buffer, offset: number, end: number): number {
    const type = bytes[offset];
    if (type === FRAME_ACK) return ACK_FRAME_BYTES;
    if (type !== FRAME_DATA) return BAD;
    if (end - offset < DATA_HEADER_BYTES) return UNKNOWN;
    const messageBytes = bytes.readUIntBE(offset + 5, 3);
    const isOversized = messageBytes > this.#limits.maxMessageBytes;
    return DATA_HEADER_BYTES + (isOversized ? Math.min(messageBytes, OVERSIZED_PREFIX_BYTES) : messageBytes);
  }

  #deliver(frame: Buffer): void {
    this.#frames++;
    if (frame[0] === FRAME_DATA) {
      const declared = frame.readUIntBE(5, 3);
      if (declared > this.#limits.maxMessageBytes) {
        this.stop();
        this.#sink.onOversized(frame.subarray(DATA_HEADER_BYTES), declared);
        return;
      }
    }
    this.#sink.onFrame(frame);
  }
}
