import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { Authority } from '../document/support.ts';
import { DocumentedOverlay } from './documented-overlay.ts';

/** An overlay whose nodes have certificates of its root. */
export function enrolledOverlay(seed: number) {
  const overlay = new DocumentedOverlay(seed);
  const authority = new Authority();
  const enroll = (by = authority, more: Parameters<Authority['enroll']>[0] = {}) =>
    by.enroll({ overlay: overlay.document.name, ...more });
  const administrator = enroll();
  const bytes = (sequence: number, changes: Partial<OverlayDocument> = {}) =>
    overlay.bytes(
      sequence,
      {
        selfSignedPermitted: undefined,
        rootCertificates: [authority.root],
        configurationSigners: new Set([administrator.nodeId]),
        kindSigners: new Set([administrator.nodeId]),
        ...changes,
      },
      administrator,
    );
  const grow = async (count: number, document: OverlayDocument) => {
    for (let i = 0; i < count; i++) await overlay.start(overlay.makeWith(document, { identity: enroll() }));
    await overlay.clock.advance(3_000);
  };
  return { overlay, authority, enroll, bytes, grow };
}
