import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { storeDamaged } from './store-file.ts';

/** A store of a hundred thousand records is read in less than a second. */
const CHECK_TIMEOUT_MS = 60_000;

/**
 * LMDB ends the process (abort, bus error) when it meets a page that was overwritten; nothing can be caught. So a file
 * beside the store says that it is being opened. Who finds that file, left by a run that died on the way, has a child
 * process read the store first: if that dies too the store is damaged, else the run was killed from outside.
 */
export async function whileOpening<T>(path: string, open: () => Promise<T>): Promise<T> {
  const mark = `${path}-opening`;
  if (existsSync(mark) && existsSync(path)) await requireReadable(path);
  writeFileSync(mark, '');
  try {
    return await open();
  } finally {
    rmSync(mark, { force: true });
  }
}

function requireReadable(path: string): Promise<void> {
  const reader = fileURLToPath(new URL('./read-store.js', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [reader, path], { timeout: CHECK_TIMEOUT_MS }, (error) => {
      if (error === null) resolve();
      else reject(storeDamaged(path, 'reading it ends the process', error));
    });
  });
}
