import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { DataError } from './errors.ts';

// Layout of an LMDB meta page as lmdb 3 writes it (data version 2): a page header of 24 bytes, then MDB_meta.
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const META_BYTES = 168;

/**
 * Looks at a store file before LMDB maps it: a foreign or cut-off file would kill the process with a signal instead
 * of throwing. A cut-off file is filled up with zeros, which LMDB reports properly when it meets them.
 * @throws DataError 'store-damaged'
 */
export function inspectStoreFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new DataError('data-unusable', `cannot open ${path}`, 'check its owner and permissions', error);
  }
  try {
    const { size } = fstatSync(file);
    if (size === 0) return;
    const meta = Buffer.alloc(META_BYTES);
    if (readSync(file, meta, 0, META_BYTES, 0) < META_BYTES || meta.readUInt32LE(MAGIC_AT) !== MAGIC) {
      throw storeDamaged(path, 'it is not an LMDB file');
    }
    const pageSize = meta.readUInt32LE(PAGE_SIZE_AT);
    const second = Buffer.alloc(META_BYTES);
    readSync(file, second, 0, META_BYTES, pageSize);
    const lastPage = Math.max(lastPageOf(meta), lastPageOf(second));
    const wanted = (lastPage + 1) * pageSize;
    if (size < wanted) ftruncateSync(file, wanted);
  } finally {
    closeSync(file);
  }
}

function lastPageOf(meta: Buffer): number {
  return Number(meta.readBigUInt64LE(LAST_PAGE_AT));
}

export function storeDamaged(path: string, reason: string, cause?: unknown): DataError {
  const mend = `move ${path} away and start again (phones register anew, peers bring back their records)`;
  return new DataError('store-damaged', `${path} is damaged (${reason})`, mend, cause);
}

/**
 * Takes a store file out of the way, named for the time, so that an operator can look at it or bring it back.
 * @returns its new path
 */
export function moveAside(path: string): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  let aside = `${path}.aside-${stamp}`;
  for (let i = 1; existsSync(aside); i++) aside = `${path}.aside-${stamp}-${i}`;
  renameSync(path, aside);
  // LMDB's table of readers belongs to the file that is gone.
  rmSync(`${path}-lock`, { force: true });
  return aside;
}
