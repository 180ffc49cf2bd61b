import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openDataDirectory } from '../../../../src/gateway/persistence/data-directory.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const commit = { durability: 'commit' } as const;
const writer = fileURLToPath(new URL('./endless-writer.js', import.meta.url));

/** Reads what the writer acknowledges until it has said so much. */
async function acknowledged(child: ChildProcess, count: number): Promise<() => number> {
  let last = 0;
  await new Promise<void>((resolve, reject) => {
    let rest = '';
    child.stdout!.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) last = Number(line);
      if (last >= count) resolve();
    });
    child.once('exit', () => reject(new Error('the writer ended')));
  });
  return () => last;
}

test('kill -9 loses nothing that was acknowledged, and the directory can be opened at once', async (t) => {
  const directory = path.join(temporaryDirectory('kill'), 'data');
  for (const round of [1, 2, 3]) {
    const child = spawn(process.execPath, [writer, directory, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const last = await acknowledged(child, 300);
    child.kill('SIGKILL');
    await once(child, 'close');

    const data = await openDataDirectory(directory, commit);
    const found = new Set([...data.store.entries(`round-${round}/`)].map(([key]) => key));
    for (let i = 1; i <= last(); i++) {
      // Both halves of a batch, or the write was not atomic.
      if (!found.has(`round-${round}/${i}/a`) || !found.has(`round-${round}/${i}/b`))
        t.fail(`write ${i} is lost`);
    }
    t.true(last() >= 300);
    await data.close();
  }
});

test('while another process holds the directory it is refused, its number told', async (t) => {
  const directory = path.join(temporaryDirectory('kill'), 'data');
  const child = spawn(process.execPath, [writer, directory, '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await acknowledged(child, 1);
  const error = await t.throwsAsync(openDataDirectory(directory, commit), { code: 'data-in-use' });
  t.regex(error?.message ?? '', new RegExp(`is in use by process ${child.pid};`));
});
