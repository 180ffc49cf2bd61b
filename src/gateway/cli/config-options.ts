import type { Command } from 'commander';

export interface ConfigOptions {
  readonly config: string;
  readonly set: readonly string[];
}

/** The options of every command that reads a configuration file. */
export function withConfigOptions(command: Command): Command {
  return command
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--set <path=value>', 'lay a value over the file (repeatable)', collect, []);
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}
