// RFC 6940 §6.6.2: the framing header of one hop.

export const FRAME_DATA = 128;
export const FRAME_ACK = 129;

/** Type (1), sequence (4), message length (3). */
export const DATA_HEADER_BYTES = 8;
/** Type (1), ack_sequence (4), received (4). */
export const ACK_FRAME_BYTES = 9;
/** `opaque message<0..2^24-1>` */
export const MAX_FRAMED_BYTES = 2 ** 24 - 1;

/**
 * A data frame.
 * @param message at most MAX_FRAMED_BYTES; copied
 */
export function encodeDataFrame(sequence: number, message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(DATA_HEADER_BYTES + message.length);
  frame[0] = FRAME_DATA;
  frame.writeUInt32BE(sequence, 1);
  frame.writeUIntBE(message.length, 5, 3);
  frame.set(message, DATA_HEADER_BYTES);
  return frame;
}

/** @param received the bitmask made by ReceivedWindow */
export function encodeAckFrame(sequence: number, received: number): Buffer {
  const frame = Buffer.allocUnsafe(ACK_FRAME_BYTES);
  frame[0] = FRAME_ACK;
  frame.writeUInt32BE(sequence, 1);
  frame.writeUInt32BE(received, 5);
  return frame;
}
