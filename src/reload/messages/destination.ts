import type { Codec } from '../wire/codec.ts';
import { EncodeError } from '../wire/decode-error.ts';
import { ID_LENGTH, type NodeId, type ResourceId } from '../wire/ids.ts';

/** RFC 6940 §6.3.2.2: one entry of a destination list or Via list. */
export type Destination =
  | { readonly type: 'node'; readonly nodeId: NodeId }
  | { readonly type: 'resource'; readonly resourceId: ResourceId }
  /** Means something only to the peer that made it. */
  | { readonly type: 'opaque'; readonly bytes: Uint8Array }
  /** The 16-bit form of an opaque id; the top bit of `value` is 1. */
  | { readonly type: 'compressed'; readonly value: number }
  /** A type of a later specification, kept as it came. */
  | { readonly type: 'unknown'; readonly tag: number; readonly bytes: Uint8Array };

const NODE = 1;
const RESOURCE = 2;
const OPAQUE = 3;
const COMPRESSED_BIT = 0x80;

export function toNode(nodeId: NodeId): Destination {
  return { type: 'node', nodeId };
}

export function toResource(resourceId: ResourceId): Destination {
  return { type: 'resource', resourceId };
}

/**
 * Written by hand: it is decoded at every hop, and the 16-bit form makes it no ordinary select.
 * Each DestinationData is length-prefixed by the Destination; Resource-IDs and opaque ids carry a length of their own too.
 */
export const destination: Codec<Destination> = {
  decode(reader) {
    const tag = reader.uint(1);
    if ((tag & COMPRESSED_BIT) !== 0) return { type: 'compressed', value: tag * 256 + reader.uint(1) };
    const outer = reader.enter(reader.uint(1));
    let value: Destination;
    if (tag === NODE) value = { type: 'node', nodeId: reader.hex(ID_LENGTH) };
    else if (tag === RESOURCE) value = { type: 'resource', resourceId: reader.hex(reader.uint(1)) };
    else if (tag === OPAQUE) value = { type: 'opaque', bytes: reader.view(reader.uint(1)) };
    else if (tag === 0) throw reader.error('bad-value', 'destination type 0');
    else value = { type: 'unknown', tag, bytes: reader.view(reader.remaining) };
    reader.leave(outer);
    return value;
  },

  encode(writer, value) {
    if (value.type === 'compressed') {
      if (value.value < 0x8000) throw new EncodeError('the top bit of a 16-bit opaque id must be 1');
      return writer.uint(2, value.value);
    }
    writer.uint(1, tagOf(value));
    const at = writer.beginLength(1);
    switch (value.type) {
      case 'node':
        if (value.nodeId.length !== ID_LENGTH * 2) throw new EncodeError('not a Node-ID');
        writer.hex(value.nodeId);
        break;
      case 'resource': {
        const length = writer.beginLength(1);
        writer.hex(value.resourceId);
        writer.endLength(1, length);
        break;
      }
      case 'opaque': {
        const length = writer.beginLength(1);
        writer.bytes(value.bytes);
        writer.endLength(1, length);
        break;
      }
      case 'unknown':
        writer.bytes(value.bytes);
        break;
      default:
        value satisfies never;
    }
    writer.endLength(1, at);
  },
};

/** Bytes of the entry on the wire. */
export function destinationLength(value: Destination): number {
  switch (value.type) {
    case 'compressed':
      return 2;
    case 'node':
      return 2 + ID_LENGTH;
    case 'resource':
      return 3 + value.resourceId.length / 2;
    case 'opaque':
      return 3 + value.bytes.length;
    case 'unknown':
      return 2 + value.bytes.length;
  }
}

function tagOf(value: Exclude<Destination, { type: 'compressed' }>): number {
  switch (value.type) {
    case 'node':
      return NODE;
    case 'resource':
      return RESOURCE;
    case 'opaque':
      return OPAQUE;
    case 'unknown':
      return value.tag;
  }
}
