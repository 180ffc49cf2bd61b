// Child of kill-9.test.ts: writes batches of two keys for ever and prints the number of each acknowledged one.
import { writeSync } from 'node:fs';
import { utf8 } from '../../../../src/base/index.ts';
import { openDataDirectory } from '../../../../src/gateway/persistence/data-directory.ts';

const [, , directory = '', round = ''] = process.argv;
const { store } = await openDataDirectory(directory, { durability: 'commit' });
for (let i = 1; ; i++) {
  await store.write([
    { key: `round-${round}/${i}/a`, value: utf8('x'.repeat(200)) },
    { key: `round-${round}/${i}/b`, value: utf8('y') },
  ]);
  writeSync(1, `${i}\n`);
}
