import type { KindId, ResourceId } from '../wire/ids.ts';

/** Where records are in the key-value store. */
export const RECORD_PREFIX = 'resource/';

export function keyOf(resource: ResourceId, kind: KindId): string {
  return `${RECORD_PREFIX}${resource}/${kind.toString(16).padStart(8, '0')}`;
}

/** The reverse of `keyOf`; undefined for what it never made. */
export function placeOfKey(
  key: string,
): { readonly resource: ResourceId; readonly kind: KindId } | undefined {
  const match = /^resource\/([0-9a-f]+)\/([0-9a-f]{8})$/.exec(key);
  return match === null ? undefined : { resource: match[1]!, kind: Number.parseInt(match[2]!, 16) };
}
