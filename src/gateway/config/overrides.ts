import { parseDocument } from 'yaml';
import { ConfigError } from './config-error.ts';

/** One `--set path=value`, taken apart: `sip.listen[0]` is ['sip', 'listen', 0]. */
export interface Override {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

const SEGMENT = /^([a-zA-Z0-9-]+)((?:\[\d{1,3}\])*)$/;

/**
 * Reads `path=value`; the value is YAML, so `--set sip.listen=[udp://127.0.0.1:0]` gives a list.
 * @throws ConfigError
 */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  const path = equals < 1 ? undefined : parsePath(text.slice(0, equals));
  if (path === undefined) throw refuse(text, 'is not path=value', 'write it like --set sip.mode=redirect');
  const document = parseDocument(text.slice(equals + 1));
  if (document.errors.length > 0) {
    throw refuse(text, 'has a value that is not YAML', 'put a value with special characters in quotes');
  }
  return { path, value: document.toJS() as unknown };
}

function parsePath(text: string): (string | number)[] | undefined {
  const path: (string | number)[] = [];
  for (const part of text.split('.')) {
    const match = SEGMENT.exec(part);
    if (match === null) return undefined;
    path.push(match[1]!, ...[...match[2]!.matchAll(/\d+/g)].map(([digits]) => Number(digits)));
  }
  return path;
}

/** `['sip', 'listen', 0]` as `sip.listen[0]`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

/**
 * A copy of the tree with the value in its place; blocks on the way are made where they are missing.
 * @throws ConfigError when the path leads through something that is neither block nor list
 */
export function applyOverride(root: unknown, override: Override): unknown {
  return put(root ?? {}, override.path, override);
}

function put(node: unknown, rest: readonly (string | number)[], override: Override): unknown {
  const [head, ...tail] = rest;
  if (head === undefined) return override.value;
  if (typeof head === 'number') {
    const items: unknown[] = Array.isArray(node) ? [...node] : [];
    if (head > items.length) throw refusePath(override, `has no place ${head}`, `use 0 to ${items.length}`);
    items[head] = put(items[head] ?? {}, tail, override);
    return items;
  }
  if (typeof node !== 'object' || node === null || Array.isArray(node)) {
    throw refusePath(override, `leads through something that has no key "${head}"`, 'check the path');
  }
  const block = node as Record<string, unknown>;
  const child = Object.hasOwn(block, head) ? block[head] : undefined;
  return { ...block, [head]: put(child ?? {}, tail, override) };
}

function refusePath({ path }: Override, problem: string, mend: string): ConfigError {
  return refuse(formatPath(path), problem, mend);
}

function refuse(text: string, problem: string, mend: string): ConfigError {
  return new ConfigError([{ file: '--set', path: text, problem, mend }]);
}
