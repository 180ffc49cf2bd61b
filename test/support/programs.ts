import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';

/** Where a program of the system is; undefined when it is not. */
export function findProgram(program: string): string | undefined {
  const places = (process.env.PATH ?? '').split(path.delimiter);
  return places.map((directory) => path.join(directory, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * True when all programs are there. Otherwise the test is skipped loudly, or, where CI=true, failed: the caller
 * returns at once on false.
 */
export function requirePrograms(t: ExecutionContext, ...programs: string[]): boolean {
  return requireAll(
    t,
    programs.filter((program) => findProgram(program) === undefined),
  );
}

/** The same, where it is known already what is missing. */
export function requireAll(t: ExecutionContext, missing: readonly string[]): boolean {
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
