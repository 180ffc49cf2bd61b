import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DataError } from './errors.ts';

/** All or nothing: a crash leaves the old file or the new one, never half of one. Readable by its owner only. */
export function writePrivate(path: string, text: string | Uint8Array): void {
  const temporary = `${path}.new`;
  writeDurably(temporary, text);
  renameSync(temporary, path);
  syncDirectory(path);
}

/** The same for a file that must not be there yet. @returns false, with nothing done, when it is */
export function createPrivate(path: string, text: string): boolean {
  const temporary = `${path}.${process.pid}.new`;
  writeDurably(temporary, text);
  try {
    linkSync(temporary, path);
    syncDirectory(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Undefined when there is no such file. @throws DataError 'data-unusable' */
export function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DataError('data-unusable', `cannot read ${path}`, 'check its owner and permissions', error);
  }
}

function writeDurably(path: string, text: string | Uint8Array): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A rename is on the disk when its directory is. */
function syncDirectory(path: string): void {
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
