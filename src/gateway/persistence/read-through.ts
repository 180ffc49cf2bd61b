import type { RootDatabase } from 'lmdb';
import { errorMessage } from '../../base/index.ts';
import { storeDamaged } from './store-file.ts';

/**
 * Visits every entry, values apart, and counts: an overwritten page may end a walk early without an error.
 * @throws DataError 'store-damaged'
 */
export function readThrough(path: string, database: RootDatabase<Buffer, string>): void {
  const { entryCount } = database.getStats() as { entryCount: number };
  let found = 0;
  try {
    for (const _ of database.getKeys()) found += 1;
  } catch (error) {
    throw storeDamaged(path, errorMessage(error), error);
  }
  if (found !== entryCount) throw storeDamaged(path, `${found} of ${entryCount} entries are left`);
}
