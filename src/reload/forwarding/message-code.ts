import { attach } from '../messages/attach.ts';
import type { ForwardingHeader } from '../messages/forwarding-header.ts';
import { isRequestCode } from '../messages/method.ts';
import { ping } from '../messages/ping.ts';
import { startsAtContents } from './fragments.ts';

/** The message code, which begins the contents; undefined in later fragments and in messages without contents. */
export function codeOf(bytes: Uint8Array, header: ForwardingHeader): number | undefined {
  const at = header.headerLength;
  if (!startsAtContents(header) || bytes.length < at + 2) return undefined;
  return bytes[at]! * 256 + bytes[at + 1]!;
}

/** RFC 6940 §6.1.2: what a node with several Node-IDs may send before it has Attached with one of them. */
export function mayComeUnattached(bytes: Uint8Array, header: ForwardingHeader): boolean {
  const code = codeOf(bytes, header);
  return (
    code !== undefined && (!isRequestCode(code) || code === ping.requestCode || code === attach.requestCode)
  );
}
