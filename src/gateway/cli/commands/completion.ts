import { Argument, type Command } from 'commander';
import { type CliEnvironment, printLine } from '../environment.ts';

type Shell = 'bash' | 'zsh' | 'fish';

export function addCompletion(program: Command, environment: CliEnvironment): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'whose script to print').choices(['bash', 'zsh', 'fish']))
    .description('print a script that completes commands and options in a shell')
    .action((shell: Shell) => printLine(environment.stdout, script(shell, program)));
}

/** What may be typed behind these words. */
interface Place {
  readonly words: readonly string[];
  readonly next: readonly string[];
}

function script(shell: Shell, program: Command): string {
  const places = placesOf(program);
  if (shell === 'fish') return fish(places);
  // zsh runs completions of bash.
  const lead = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
  return lead + bash(places);
}

function placesOf(command: Command, words: readonly string[] = []): Place[] {
  const names = command.commands.map((each) => each.name());
  const options = command.options.flatMap(({ long }) => long ?? []);
  const below = command.commands.flatMap((each) => placesOf(each, [...words, each.name()]));
  return [{ words, next: [...names, ...options, '--help'] }, ...below];
}

function bash(places: readonly Place[]): string {
  const cases = places.map(({ words, next }) => `    "${words.join(' ')}") next="${next.join(' ')}" ;;`);
  return `_p2psip() {
  local word words="" next="" i
  # The commands typed so far: options and their values do not count.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case " ${[...new Set(places.flatMap(({ words }) => words))].join(' ')} " in
      *" $word "*) words="\${words:+$words }$word" ;;
    esac
  done
  case "$words" in
${cases.join('\n')}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    -c | --config | --dir | --token-file | --trace) next="" ;;
  esac
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _p2psip p2psip`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ words, next }) => {
    const here = words.length === 0 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${words.at(-1)}`;
    return next.map((word) =>
      word.startsWith('--')
        ? `complete -c p2psip -n '${here}' -l ${word.slice(2)}`
        : `complete -c p2psip -n '${here}' -f -a ${word}`,
    );
  });
  return lines.join('\n');
}
