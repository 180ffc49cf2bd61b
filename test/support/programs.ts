import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';

function installed(program: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * True when all programs are there. Otherwise the test is skipped loudly, or, where CI=true, failed: the caller
 * returns at once on false.
 */
export function requirePrograms(t: ExecutionContext, ...programs: string[]): boolean {
  const missing = programs.filter((program) => !installed(program));
  if (missing.length === 0) return true;
  const message = `SKIPPED, not installed: ${missing.join(', ')}`;
  if (process.env.CI === 'true') {
    t.fail(`${message} (CI allows no skip)`);
    return false;
  }
  process.stderr.write(`\n*** ${t.title}: ${message}\n`);
  t.log(message);
  t.pass();
  return false;
}
