import path from 'node:path';
import test from 'ava';
import { run } from '../../support/process.ts';
import { projectRoot } from '../../support/project.ts';

test('docs/behaviours.md lists the behaviours that are tested, each with its section', async (t) => {
  const script = path.join(projectRoot, 'scripts/behaviours.js');
  const { code, stderr } = await run(process.execPath, [script, '--check']);
  t.is(stderr.trim(), '');
  t.is(code, 0);
});
