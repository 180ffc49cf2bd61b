import { readFileSync, statSync } from 'node:fs';
import { errorMessage } from '../../base/index.ts';
import { ConfigError } from './config-error.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** Where a file is named, for the message. */
interface Naming {
  readonly file: string;
  readonly path: string;
  readonly mend: string;
}

/**
 * The text of a file the configuration names.
 * @throws ConfigError
 */
export function readConfigFile(path: string, naming: Naming): string {
  return readConfigBytes(path, naming).toString('utf8');
}

/** The same, byte for byte. @throws ConfigError */
export function readConfigBytes(path: string, naming: Naming): Buffer {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES / 1024 / 1024} MB`);
    return readFileSync(path);
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? errorMessage(error);
    const problem = naming.path === '' ? `cannot be read (${reason})` : `${path} cannot be read (${reason})`;
    throw new ConfigError([{ ...naming, problem }]);
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/** A warning when others than the owner may read a file with secrets; undefined when all is well. */
export function modeWarning(path: string, shown: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  return `${shown} holds secrets and others can read it (mode ${mode.toString(8)}): chmod 600 ${shown}`;
}

/**
 * The bearer token of the admin interface: the first line of its file.
 * @throws ConfigError
 */
export function readToken(path: string, naming: { file: string; path: string }): string {
  const mend = `make one: head -c 24 /dev/urandom | base64 > ${path} && chmod 600 ${path}`;
  const token = readConfigFile(path, { ...naming, mend })
    .split(/\r?\n/, 1)[0]!
    .trim();
  if (!/^[\x21-\x7e]{16,512}$/.test(token)) {
    const problem = `${path} does not hold a token of at least 16 printable characters`;
    throw new ConfigError([{ ...naming, problem, mend }]);
  }
  return token;
}
