import { createWriteStream } from 'node:fs';
import { toHex } from '../../base/index.ts';
import type { TraceHook } from '../../reload/node/node-options.ts';

export interface TraceFile {
  readonly hook: TraceHook;
  close(): Promise<void>;
}

/** Writes every RELOAD message as a line of hex with direction and peer behind `#`, for Wireshark's dissector. */
export function openTraceFile(path: string, onError: (error: Error) => void): TraceFile {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  stream.on('error', onError);
  return {
    hook: (direction, peer, message) => stream.write(`${toHex(message)} # ${direction} ${peer}\n`),
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}
