import { codeOf } from '../../reload/forwarding/message-code.ts';
import type { Destination } from '../../reload/messages/destination.ts';
import { decodeHeader } from '../../reload/messages/forwarding-header.ts';
import { messageName } from '../../reload/messages/methods.ts';
import { DecodeError } from '../../reload/wire/decode-error.ts';

/** What a RELOAD message is and where it goes, for people: `fetch_req`, `to resource 3fa9…`. */
export function reloadSummary(bytes: Uint8Array): { readonly label: string; readonly detail?: string } {
  try {
    const header = decodeHeader(bytes);
    const code = codeOf(bytes, header);
    const target = header.destinationList.at(-1);
    return {
      label: code === undefined ? 'fragment' : messageName(code),
      ...(target !== undefined && { detail: `to ${describe(target)}` }),
    };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { label: 'unreadable' };
  }
}

function describe(target: Destination): string {
  switch (target.type) {
    case 'node':
      return `node ${target.nodeId}`;
    case 'resource':
      return `resource ${target.resourceId}`;
    default:
      return 'whoever the list before leads to';
  }
}
