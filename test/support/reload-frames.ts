import { readFileSync } from 'node:fs';
import { builtInKinds } from '../../src/reload/document/kinds.ts';
import type { KindTable } from '../../src/reload/wire/kind-table.ts';

/** A message made by an implementation that is not ours (test/fixtures/README.md). */
export interface Frame {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The 49 messages of test/fixtures/reload-frames. */
export const frames: readonly Frame[] = readFileSync('test/fixtures/reload-frames/messages.hex', 'utf8')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => {
    const [hex = '', name = ''] = line.split('#').map((part) => part.trim());
    return { name, bytes: Buffer.from(hex, 'hex') };
  });

export function frame(name: string): Frame {
  const found = frames.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no frame ${name}`);
  return found;
}

/** The Kinds the frames hold data of. */
export const frameKinds: KindTable = builtInKinds;
