import { boolean } from '../wire/integers.ts';
import { opaque, remainder } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { destination } from './destination.ts';
import { method } from './method.ts';

/** RFC 6940 §6.4.2.4.1. */
const routeQueryReq = struct({ sendUpdate: boolean, destination, overlayData: opaque(2) });

/** RFC 6940 §6.4.2.4.2: the topology plug-in's own structure; in CHORD-RELOAD a ChordRouteQueryAns. */
const routeQueryAns = struct({ overlayData: remainder });

export const routeQuery = method('route_query', 0x15, routeQueryReq, routeQueryAns);
