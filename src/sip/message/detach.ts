/**
 * A copy of a text that owns its characters. V8's substrings keep the text they were cut from alive: what
 * is kept for long, such as a binding, must not hold the datagram it came in.
 */
export function detach(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
