import { decodeHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { stat } from '../../../../src/reload/messages/stat.ts';
import { store } from '../../../../src/reload/messages/store.ts';
import type { TraceHook } from './simulated-overlay.ts';

const METHODS = { stat, store } as const;

/** Counts the requests that nodes with this trace hook put on the wire, those they pass on for others too. */
export function requestCounter() {
  const counts = new Map<number, number>();
  const trace: TraceHook = (direction, _peer, message) => {
    if (direction === 'in') return;
    const { headerLength } = decodeHeader(message);
    const code = ((message[headerLength] ?? 0) << 8) | (message[headerLength + 1] ?? 0);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  };
  return {
    trace,
    of: (method: keyof typeof METHODS) => counts.get(METHODS[method].requestCode) ?? 0,
    reset: () => counts.clear(),
  };
}
