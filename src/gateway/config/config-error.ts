import { CodedError } from '../../base/index.ts';

/** One thing that is wrong in a configuration, said so that the operator can mend it without looking further. */
export interface ConfigProblem {
  /** The file as the operator named it, with `:line:column` where the YAML itself is broken. */
  readonly file: string;
  /** The path inside the file (`sip.listen[0]`); empty when the file as a whole is meant. */
  readonly path: string;
  readonly problem: string;
  readonly mend: string;
}

/** `file: path: problem; mend`, on one line whatever the parts contain. */
export function formatProblem({ file, path, problem, mend }: ConfigProblem): string {
  const place = path === '' ? file : `${file}: ${path}`;
  return `${place}: ${problem}; ${mend}`.replace(/\s*[\r\n]+\s*/g, ' ');
}

/** Wrong use or wrong configuration: the command line prints the message, one line, and exits 2. */
export class ConfigError extends CodedError<'bad-config'> {
  /** Everything found wrong, the first of which is the message. Never empty. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('bad-config', formatProblem(problems[0]!));
    this.problems = problems;
  }
}
