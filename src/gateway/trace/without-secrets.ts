const AUTHORIZATION = 'uthorization';
const SDES = 'a=crypto:';

/** RFC 7616 §3.4: the value of `response`, with or without quotes. */
const RESPONSE = /^((?:Proxy-)?Authorization[ \t]*:[^\r\n]*?\bresponse[ \t]*=[ \t]*"?)([^",\r\n]+)/gim;
/** RFC 8898 §4: a bearer token, and whatever else is no Digest. */
const OTHER_CREDENTIALS = /^((?:Proxy-)?Authorization[ \t]*:[ \t]*(?!Digest\b)\S+[ \t]+)([^\r\n]+)/gim;
/** RFC 4568 §6.1: keys of the media streams. */
const INLINE_KEY = /^(a=crypto:[^\r\n]*?inline:)([^\r\n|; ]+)/gim;

/**
 * A SIP message as it may be kept: whoever gets a trace can neither guess at passwords by digest responses nor listen in
 * with the keys of media. Lengths stay, so that a dissector finds everything in its place.
 * @returns the same bytes where there is nothing to hide
 */
export function withoutSecrets(message: Uint8Array): Buffer {
  const bytes = Buffer.isBuffer(message)
    ? message
    : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (!bytes.includes(AUTHORIZATION, 0, 'latin1') && !bytes.includes(SDES, 0, 'latin1')) return bytes;
  const hide = (_: string, head: string, secret: string) => head + '*'.repeat(secret.length);
  const text = bytes
    .toString('latin1')
    .replace(RESPONSE, hide)
    .replace(OTHER_CREDENTIALS, hide)
    .replace(INLINE_KEY, hide);
  return Buffer.from(text, 'latin1');
}
