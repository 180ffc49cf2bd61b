import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { ConfigError } from './config-error.ts';
import { formatPath } from './overrides.ts';

/**
 * The tree of a YAML text, keys without a value taken out.
 * @param shown the file as messages name it
 * @throws ConfigError
 */
export function parseYaml(text: string, shown: string): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  const error = document.errors[0];
  if (error !== undefined) {
    const [start] = error.linePos ?? [];
    const file = start === undefined ? shown : `${shown}:${start.line}:${start.col}`;
    const problem = error.message.split('\n', 1)[0]!.replace(/ at line \d+, column \d+:?$/, '');
    throw new ConfigError([{ file, path: '', problem, mend: 'mend the YAML there' }]);
  }
  try {
    return withoutNulls(document.toJS());
  } catch (cause) {
    // Alias bombs are refused by the yaml package when the tree is built.
    const problem = cause instanceof Error ? cause.message : 'cannot be read as YAML';
    throw new ConfigError([{ file: shown, path: '', problem, mend: 'write it without aliases' }]);
  }
}

/** `users:` with nothing behind it means the same as no `users` at all. */
export function withoutNulls(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutNulls);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, withoutNulls(value)]),
  );
}

/**
 * Holds a tree against a schema whose messages read `<problem>; <mend>`.
 * @param fileOf the file to name for a path
 * @throws ConfigError with every problem found
 */
export function validate<const Schema extends v.GenericSchema>(
  schema: Schema,
  tree: unknown,
  fileOf: (path: string) => string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, tree ?? {});
  if (result.success) return result.output;
  throw new ConfigError(
    result.issues.map((issue) => {
      const path = formatPath((issue.path ?? []).map(({ key }) => key as string | number));
      const cut = issue.message.lastIndexOf('; ');
      return {
        file: fileOf(path),
        path,
        problem: issue.message.slice(0, cut),
        mend: issue.message.slice(cut + 2),
      };
    }),
  );
}
