import type { TypeOf } from '../wire/codec.ts';
import { boolean, uint16 } from '../wire/integers.ts';
import { opaque } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';

/** RFC 6940 §6.3.3: the RFC defines none, so each arrives as bytes. */
export const messageExtension = struct({ type: uint16, critical: boolean, contents: opaque(4) });
export type MessageExtension = TypeOf<typeof messageExtension>;
