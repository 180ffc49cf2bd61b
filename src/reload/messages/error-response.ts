import type { TypeOf } from '../wire/codec.ts';
import { uint16, uint32 } from '../wire/integers.ts';
import { opaque, vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';

/** RFC 6940 §14.9. */
export const ErrorCode = {
  Forbidden: 0x2,
  Not_Found: 0x3,
  Request_Timeout: 0x4,
  Generation_Counter_Too_Low: 0x5,
  Incompatible_with_Overlay: 0x6,
  Unsupported_Forwarding_Option: 0x7,
  Data_Too_Large: 0x8,
  Data_Too_Old: 0x9,
  TTL_Exceeded: 0xa,
  Message_Too_Large: 0xb,
  Unknown_Kind: 0xc,
  Unknown_Extension: 0xd,
  Response_Too_Large: 0xe,
  Config_Too_Old: 0xf,
  Config_Too_New: 0x10,
  In_Progress: 0x11,
  Exp_A: 0x12,
  Exp_B: 0x13,
  Invalid_Message: 0x14,
} as const;

export type ErrorName = keyof typeof ErrorCode;

const names = new Map<number, ErrorName>(
  Object.entries(ErrorCode).map(([name, code]) => [code, name as ErrorName]),
);

/** `Error_Not_Found`, or `Error_0x99` for a code of a later specification. */
export function errorName(code: number): string {
  return `Error_${names.get(code) ?? `0x${code.toString(16)}`}`;
}

/** RFC 6940 §6.3.3.1: `errorInfo` is UTF-8 text unless the code says otherwise. */
export const errorResponse = struct({ errorCode: uint16, errorInfo: opaque(2) });
export type ErrorResponse = TypeOf<typeof errorResponse>;

/** RFC 6940 §7.4.1.2: the error_info of Unknown_Kind. */
export const unknownKindsInfo = struct({ unknownKinds: vector(1, uint32) });
