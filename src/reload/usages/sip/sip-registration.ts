import { destination } from '../../messages/destination.ts';
import type { Codec, TypeOf } from '../../wire/codec.ts';
import { EncodeError } from '../../wire/decode-error.ts';
import { text, vector } from '../../wire/sequences.ts';
import { sizedSelect, variant } from '../../wire/struct.ts';

/** Hops a registration may prescribe: [the peer], or [its peer, a client], and room for relays. */
const MAX_DESTINATIONS = 8;

/** `Destination destination_list<3..2^16-1>`: never empty. */
const destinationList = nonEmpty(vector(2, destination, MAX_DESTINATIONS));

/** RFC 7904 §3.2: the value of a SIP-REGISTRATION entry; its dictionary key is the Node-ID of the peer that stores it. */
export const sipRegistration = sizedSelect(2, {
  /** Call this AoR (without scheme) or URI instead. */
  uri: variant(1, { uri: text(2) }),
  /** Form a connection with the last node of the list, which serves the user. */
  route: variant(2, { contactPrefs: text(2), destinationList }),
});
export type SipRegistration = TypeOf<typeof sipRegistration>;

function nonEmpty<T>(list: Codec<readonly T[]>): Codec<readonly T[]> {
  return {
    decode(reader) {
      const values = list.decode(reader);
      if (values.length === 0) throw reader.error('bad-value', 'an empty list');
      return values;
    },
    encode(writer, values) {
      if (values.length === 0) throw new EncodeError('an empty list');
      list.encode(writer, values);
    },
  };
}
