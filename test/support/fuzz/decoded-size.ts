/**
 * What a decoded value takes beside the bytes it was decoded from: a unit for each character, number, object and list
 * entry. Byte strings count nothing, but must be views of these bytes.
 * @throws when a byte string is a copy
 */
export function decodedSize(value: unknown, source: Uint8Array): number {
  if (typeof value === 'string') return 1 + value.length;
  if (value instanceof Uint8Array) {
    if (value.length > 0 && value.buffer !== source.buffer) throw new Error('a copy of received bytes');
    return 1;
  }
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + decodedSize(inner, source), 1);
}
