/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng): what `tshark -r` and Wireshark open. Big-endian throughout, which
 * the byte-order magic tells the reader.
 */
const BlockType = { sectionHeader: 0x0a0d0d0a, interfaceDescription: 1, enhancedPacket: 6 } as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const Option = { end: 0, comment: 1, interfaceName: 2, application: 4, packetFlags: 2 } as const;

/** epb_flags, bits 0-1. */
const DIRECTION = { in: 1, out: 2 } as const;

/** The beginning of a file: one section with one interface. */
export function fileHeader(
  linkType: number,
  { application, name }: { application: string; name: string },
): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32BE(BYTE_ORDER_MAGIC, 0);
  section.writeUInt16BE(1, 4); // version 1.0
  section.writeBigInt64BE(-1n, 8); // length of the section: not known
  const description = Buffer.alloc(8); // link type, reserved, no limit of length
  description.writeUInt16BE(linkType, 0);
  return Buffer.concat([
    block(BlockType.sectionHeader, section, option(Option.application, application), END),
    block(BlockType.interfaceDescription, description, option(Option.interfaceName, name), END),
  ]);
}

export interface PacketNotes {
  /** ms since the epoch. */
  readonly at: number;
  readonly direction: 'in' | 'out';
  /** Shown as "packet comment". */
  readonly comment?: string | undefined;
}

/** One packet. */
export function packetBlock(bytes: Uint8Array, { at, direction, comment }: PacketNotes): Buffer {
  const head = Buffer.alloc(20);
  const microseconds = BigInt(Math.round(at * 1000));
  head.writeUInt32BE(Number(microseconds >> 32n), 4);
  head.writeUInt32BE(Number(microseconds & 0xffff_ffffn), 8);
  head.writeUInt32BE(bytes.length, 12);
  head.writeUInt32BE(bytes.length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE(DIRECTION[direction]);
  return block(
    BlockType.enhancedPacket,
    head,
    padded(bytes),
    option(Option.packetFlags, flags),
    comment === undefined ? NOTHING : option(Option.comment, comment),
    END,
  );
}

const NOTHING = Buffer.alloc(0);
const END = Buffer.alloc(4);

function block(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = 12 + parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(type, 0);
  head.writeUInt32BE(length, 4);
  return Buffer.concat([head, ...parts, head.subarray(4)]);
}

function option(code: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(code, 0);
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, padded(bytes)]);
}

/** With zeros up to a multiple of 4 bytes. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
