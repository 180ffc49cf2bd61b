// Needles as octets: a string would be made octets anew for each message.
const FULL_NAME = Buffer.from('\r\nCall-ID:');
const END_OF_LINE = 13;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const ANY_NAME = /\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)/i;

/**
 * The Call-ID of a SIP message as octets; undefined when it has none. RFC 3261 §§7.3.1, 7.3.3, 20.8
 */
export function callIdOf(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = buffer.indexOf(FULL_NAME);
  if (at !== -1) {
    const end = buffer.indexOf(END_OF_LINE, at + FULL_NAME.length);
    return buffer.toString('latin1', at + FULL_NAME.length, end === -1 ? buffer.length : end).trim();
  }
  const end = buffer.indexOf(END_OF_HEAD);
  return ANY_NAME.exec(buffer.toString('latin1', 0, end === -1 ? buffer.length : end))?.[1]?.trim();
}
