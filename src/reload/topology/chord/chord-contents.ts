import { chordLeaveData, chordRouteQueryAns, chordUpdate } from '../../messages/chord.ts';
import { decodeWhole, encodeWhole } from '../../wire/codec.ts';
import type { NodeId } from '../../wire/ids.ts';
import type { RingSnapshot } from '../topology.ts';
import type { Neighbors } from './neighbor-table.ts';

/** Node-IDs looked at in one list; honest lists are far shorter. */
const MAX_NAMED = 64;

/** RFC 6940 §10.7: "full" adds the fingers, for those who asked for our whole routing table. */
export function encodeUpdate(ring: RingSnapshot, full: boolean, uptimeS: number): Uint8Array {
  const { predecessors, successors } = ring;
  const update = full
    ? ({ type: 'full', predecessors, successors, fingers: ring.fingers } as const)
    : ({ type: 'neighbors', predecessors, successors } as const);
  return encodeWhole(chordUpdate, { uptime: Math.floor(uptimeS), update });
}

/** The neighbours an Update names; undefined when it only says that its sender is ready. */
export function decodeUpdate(contents: Uint8Array): Neighbors | undefined {
  const { update } = decodeWhole(chordUpdate, contents);
  if (update.type === 'peerReady') return undefined;
  return {
    predecessors: update.predecessors.slice(0, MAX_NAMED),
    successors: update.successors.slice(0, MAX_NAMED),
  };
}

/** RFC 6940 §10.9: a leaving peer tells its predecessors its successors and the other way round. */
export function encodeLeave({ predecessors, successors }: Neighbors, to: NodeId): Uint8Array {
  return encodeWhole(
    chordLeaveData,
    predecessors.includes(to) ? { type: 'fromSucc', successors } : { type: 'fromPred', predecessors },
  );
}

/** The peers a leaving neighbour names in its stead. */
export function decodeLeave(contents: Uint8Array): readonly NodeId[] {
  const data = decodeWhole(chordLeaveData, contents);
  return (data.type === 'fromSucc' ? data.successors : data.predecessors).slice(0, MAX_NAMED);
}

/** RFC 6940 §10.8 */
export function encodeRouteQueryAnswer(nextPeer: NodeId): Uint8Array {
  return encodeWhole(chordRouteQueryAns, { nextPeer });
}

/** RFC 6940 §10.8 */
export function decodeRouteQueryAnswer(contents: Uint8Array): NodeId {
  return decodeWhole(chordRouteQueryAns, contents).nextPeer;
}
