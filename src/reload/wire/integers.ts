import type { Codec } from './codec.ts';
import { EncodeError } from './decode-error.ts';

function unsigned(length: 1 | 2 | 3 | 4): Codec<number> {
  return {
    decode: (reader) => reader.uint(length),
    encode: (writer, value) => writer.uint(length, value),
  };
}

// RFC 6940 §6.3.1: all integers are big-endian and unsigned.
export const uint8 = unsigned(1);
export const uint16 = unsigned(2);
export const uint24 = unsigned(3);
export const uint32 = unsigned(4);

export const uint64: Codec<bigint> = {
  decode: (reader) => reader.uint64(),
  encode: (writer, value) => writer.uint64(value),
};

/**
 * A uint64 that counts (milliseconds, generations), as a plain number.
 * NOTE: values over 2^53-1 are refused; no clock and no counter reaches them.
 */
export const counter64: Codec<number> = {
  decode(reader) {
    const value = reader.uint(4) * 0x1_0000_0000 + reader.uint(4);
    if (value > Number.MAX_SAFE_INTEGER) throw reader.error('bad-value', 'a counter over 2^53-1');
    return value;
  },
  encode(writer, value) {
    if (!Number.isSafeInteger(value) || value < 0) throw new EncodeError(`${value} is not a counter`);
    writer.uint(4, Math.floor(value / 0x1_0000_0000));
    writer.uint(4, value % 0x1_0000_0000);
  },
};

/** RFC 6940 §6.3.1.1: one byte, 0 or 1 and nothing else. */
export const boolean: Codec<boolean> = {
  decode(reader) {
    const value = reader.uint(1);
    if (value > 1) throw reader.error('bad-value', `a Boolean of ${value}`);
    return value === 1;
  },
  encode: (writer, value) => writer.uint(1, value ? 1 : 0),
};
