import { writeFileSync } from 'node:fs';
import { errorMessage } from '../src/base/index.ts';
import { formatPairs } from '../src/gateway/cli/table.ts';
import { parseOptions, USAGE } from './options.ts';
import { Run } from './run.ts';

// A pool of bytes lives as long as the last slice of it, and V8 marks its whole heap for every 64 MB of them.
Buffer.poolSize = 0;

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else {
    const run = new Run(options, (line) => console.error(line));
    await run.finish();
    console.log(formatPairs(run.figures));
    writeFileSync(options.out, run.html(`npm run sim -- ${process.argv.slice(2).join(' ')}`));
    console.log(`plots in ${options.out}`);
    process.exit(run.aims.every(({ met }) => met) ? 0 : 1);
  }
} catch (error) {
  console.error(`sim: ${errorMessage(error)}`);
  process.exit(2);
}
