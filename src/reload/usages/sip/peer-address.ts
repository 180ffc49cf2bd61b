import type { Codec } from '../../wire/codec.ts';
import { EncodeError } from '../../wire/decode-error.ts';

/** Addresses one peer may publish: each of its listeners, in both families. */
const MAX_URIS = 16;

/** What a URI may consist of here: visible ASCII, so neither LF nor anything a SIP message could trip over. */
const URI = /^sips?:[\x21-\x7e]+$/;

/**
 * The value of our private Kind SIP-PEER-ADDRESS (0xF0000010): the SIP URIs at which ordinary SIP reaches the peer,
 * separated by LF, the preferred one first. It fills its DataValue.
 */
export const sipPeerAddress: Codec<readonly string[]> = {
  decode(reader) {
    const bytes = reader.view(reader.remaining);
    const uris = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').split('\n');
    if (uris.length > MAX_URIS) throw reader.error('too-many', `${uris.length} addresses`);
    if (!uris.every((uri) => URI.test(uri))) throw reader.error('bad-value', 'not a SIP URI');
    return uris;
  },
  encode(writer, uris) {
    if (uris.length === 0 || uris.length > MAX_URIS) throw new EncodeError(`${uris.length} addresses`);
    const bad = uris.find((uri) => !URI.test(uri));
    if (bad !== undefined) throw new EncodeError(`not a SIP URI: ${JSON.stringify(bad)}`);
    writer.bytes(Buffer.from(uris.join('\n'), 'latin1'));
  },
};
