import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { run } from '../../../support/process.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const writer = fileURLToPath(new URL('./full-disk-writer.js', import.meta.url));

test('B21: a full disk refuses writes one by one; the process lives, nothing written before is lost, deleting works', async (t) => {
  const file = path.join(temporaryDirectory('full'), 'store.mdb');
  const limited = `ulimit -f 6000; exec "${process.execPath}" "${writer}" "${file}"`;
  const { code, stdout, stderr } = await run('/bin/sh', ['-c', limited]);
  t.is(code, 0, stderr);
  const { written, failed, visible, left } = JSON.parse(stdout);
  t.true(written > 100);
  t.is(failed.length, 3);
  for (const message of failed) t.regex(message, /store\.mdb cannot be written \((?!Commit failed).+\)$/);
  t.is(visible, 0, 'what was refused is not read');
  t.is(left, written - 1);
});
