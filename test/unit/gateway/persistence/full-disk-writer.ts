// Child of full-disk.test.ts, run with a limit on the size of its files: writes until the disk is full, and goes on.
import { LmdbKeyValueStore } from '../../../../src/gateway/persistence/lmdb-key-value-store.ts';

const [, , path = ''] = process.argv;
const store = await LmdbKeyValueStore.open(path, { durability: 'commit' });
const failed: string[] = [];
let written = 0;
let visible = 0;
for (let i = 0; i < 200 && failed.length < 3; i++) {
  const batch = Array.from({ length: 50 }, (_, n) => ({ key: `k/${i}/${n}`, value: Buffer.alloc(3000, i) }));
  try {
    await store.write(batch);
    written += batch.length;
  } catch (error) {
    failed.push((error as Error).message);
    if (store.get(`k/${i}/0`) !== undefined) visible += 1;
  }
}
await store.write([{ key: 'k/0/0', value: undefined }]);
await store.close();
const again = await LmdbKeyValueStore.open(path, { durability: 'commit' });
const left = [...again.entries('k/')].length;
await again.close();
process.stdout.write(JSON.stringify({ written, failed, visible, left }));
