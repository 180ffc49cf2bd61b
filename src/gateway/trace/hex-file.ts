import { createWriteStream } from 'node:fs';
import { toHex } from '../../base/index.ts';
import type { TraceObserver } from './trace-hub.ts';

export interface HexFile {
  readonly observer: TraceObserver;
  readonly close: () => Promise<void>;
}

/** Writes every RELOAD message as a line of hex with direction and peer behind `#`, for Wireshark's dissector. */
export function openHexFile(path: string, onError: (error: Error) => void): HexFile {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  stream.on('error', onError);
  return {
    observer: ({ protocol, direction, path: { peer }, bytes }) => {
      if (protocol === 'reload') stream.write(`${toHex(bytes)} # ${direction} ${peer}\n`);
    },
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}
