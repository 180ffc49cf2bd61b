import type { TypeOf } from '../wire/codec.ts';
import { uint8 } from '../wire/integers.ts';
import { opaque } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';

/** RFC 6940 §6.3.2.3. */
export const OptionFlag = {
  forwardCritical: 0x01,
  destinationCritical: 0x02,
  responseCopy: 0x04,
} as const;

/** RFC 6940 §6.3.2.3: none are defined by the RFC, so every option arrives as bytes. */
export const forwardingOption = struct({ type: uint8, flags: uint8, value: opaque(2) });
export type ForwardingOption = TypeOf<typeof forwardingOption>;

/** Whether any option of the message has this flag. */
export function hasOption(
  { options }: { readonly options: readonly ForwardingOption[] },
  flag: number,
): boolean {
  return options.some(({ flags }) => (flags & flag) !== 0);
}
