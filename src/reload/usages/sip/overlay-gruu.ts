import { CodedError } from '../../../base/index.ts';
import { type Destination, destination } from '../../messages/destination.ts';
import { Reader } from '../../wire/reader.ts';

/** Hops a GRUU may prescribe: [the peer], or [its peer, a client], and room for relays. */
const MAX_DESTINATIONS = 8;

/**
 * The destination list in the `gr` parameter of a GRUU (RFC 7904 §6): base64 with `~` in place of `=`.
 * @throws CodedError when it is none
 */
export function destinationListOf(gr: string): readonly Destination[] {
  if (!/^[A-Za-z0-9+/]+~{0,2}$/.test(gr)) throw new CodedError('bad-gruu', 'no base64 in a GRUU');
  const reader = new Reader(Buffer.from(gr.replaceAll('~', '='), 'base64'));
  const list: Destination[] = [];
  while (reader.remaining > 0 && list.length < MAX_DESTINATIONS) list.push(destination.decode(reader));
  reader.expectEnd();
  return list;
}
