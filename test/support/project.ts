import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of package.json, also when this runs compiled from a build directory. */
export const projectRoot: string = (() => {
  let directory = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(directory, 'package.json'))) directory = path.dirname(directory);
  return directory;
})();

export const cliPath: string = path.join(projectRoot, 'bin', 'p2psip.js');
