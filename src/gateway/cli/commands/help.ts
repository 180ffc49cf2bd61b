import type { Command } from 'commander';
import { type CliEnvironment, CommandError, printLine } from '../environment.ts';
import { TOPICS } from '../help-topics.ts';

/** `help`, `help COMMAND`, `help TOPIC`. */
export function addHelp(program: Command, { stdout }: CliEnvironment): void {
  program
    .helpCommand(false)
    .command('help')
    .argument('[words...]', 'a command, or a topic')
    .description(`explain a command, or a topic: ${Object.keys(TOPICS).join(', ')}`)
    .action((words: readonly string[]) => {
      const [word = ''] = words;
      const topic = TOPICS[word];
      if (words.length === 0) printLine(stdout, `${program.helpInformation()}\n${topics()}`);
      else if (words.length === 1 && topic !== undefined) printLine(stdout, topic.text);
      else commandOf(program, words).outputHelp();
    });
}

function topics(): string {
  const rows = Object.entries(TOPICS).map(([name, { about }]) => `  ${name.padEnd(12)}${about}`);
  return `Topics (p2psip help TOPIC):\n${rows.join('\n')}`;
}

function commandOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const found = command.commands.find((each) => each.name() === word);
    if (found === undefined) {
      const problem = `there is neither a command nor a topic ${JSON.stringify(words.join(' '))}`;
      throw new CommandError('wrong-use', `${problem}; p2psip help lists them`);
    }
    command = found;
  }
  return command;
}
