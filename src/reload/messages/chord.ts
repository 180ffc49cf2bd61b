import { nodeId } from '../wire/ids.ts';
import { uint32 } from '../wire/integers.ts';
import { vector } from '../wire/sequences.ts';
import { select, struct, variant } from '../wire/struct.ts';

const nodeIds = vector(2, nodeId);

/** RFC 6940 §10.7: the body of a CHORD-RELOAD Update. Neighbours are listed nearest first. */
export const chordUpdate = struct({
  /** Seconds the sender has been up. */
  uptime: uint32,
  update: select({
    peerReady: variant(1, {}),
    neighbors: variant(2, { predecessors: nodeIds, successors: nodeIds }),
    full: variant(3, { predecessors: nodeIds, successors: nodeIds, fingers: nodeIds }),
  }),
});

/** RFC 6940 §10.8: the body of a CHORD-RELOAD RouteQuery answer. */
export const chordRouteQueryAns = struct({ nextPeer: nodeId });

/** RFC 6940 §10.9: the overlay_specific_data of a CHORD-RELOAD Leave. */
export const chordLeaveData = select({
  fromSucc: variant(1, { successors: nodeIds }),
  fromPred: variant(2, { predecessors: nodeIds }),
});
