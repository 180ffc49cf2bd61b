import type { Command } from 'commander';

/** What each command is for, by lines to be typed; by the names of the commands. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  run: [
    'p2psip run -c /etc/p2psip/gateway.yaml',
    'p2psip run -c gateway.yaml --set log.level=debug --trace ./trace.pcapng',
  ],
  lookup: ['p2psip lookup bob@example.org'],
  status: ['p2psip status', 'p2psip status --admin http://192.0.2.7:8060 --token-file admin.token'],
  ring: ['p2psip ring', 'p2psip ring --json'],
  registrations: ['p2psip registrations'],
  calls: ['p2psip calls', 'p2psip calls 12'],
  ping: ['p2psip ping 0f3c5a9e7b1d4c2a8e6f0b1d3c5a7e90'],
  trace: ['p2psip trace bob@example.org'],
  bans: ['p2psip bans'],
  reload: ['p2psip reload'],
  testnet: ['p2psip testnet -n 16 --gateways 2', 'p2psip testnet -n 100 --auth none --json'],
  doctor: ['p2psip doctor -c /etc/p2psip/gateway.yaml', 'p2psip doctor -c gateway.yaml --json'],
  'overlay create': [
    'p2psip overlay create example.org --dir ./authority --enrollment https://192.0.2.1:8443 --bootstrap 192.0.2.7:6084',
  ],
  'overlay update': [
    'p2psip overlay update --dir ./authority --add-bootstrap 192.0.2.8:6084',
    'p2psip overlay update --dir ./authority --bad-node 0f3c5a9e7b1d4c2a8e6f0b1d3c5a7e90',
  ],
  'user add': [
    'p2psip user add alice@example.org --dir ./authority',
    'p2psip user add gw1@example.org --adapter --dir ./authority --password-stdin < gw1.pass',
  ],
  'user passwd': ['p2psip user passwd alice@example.org --dir ./authority --revoke'],
  'user list': ['p2psip user list --dir ./authority'],
  'user remove': ['p2psip user remove alice@example.org --dir ./authority'],
  'enrollment serve': [
    'p2psip enrollment serve --dir ./authority --listen https://0.0.0.0:8443 --admin http://127.0.0.1:8061',
  ],
  completion: ['p2psip completion bash > /etc/bash_completion.d/p2psip', 'source <(p2psip completion zsh)'],
  help: ['p2psip help phones', 'p2psip help user add'],
};

/** The commands that do something, each with its full name. */
export function leaves(program: Command): (readonly [name: string, command: Command])[] {
  const below = (command: Command, before: string): (readonly [string, Command])[] =>
    command.commands.length === 0
      ? [[before + command.name(), command]]
      : command.commands.flatMap((each) => below(each, `${before}${command.name()} `));
  return program.commands.flatMap((each) => below(each, ''));
}

/** Has the help of every command end with its examples. */
export function addExamples(program: Command): void {
  for (const [name, command] of leaves(program)) {
    const lines = EXAMPLES[name] ?? [];
    const title = lines.length === 1 ? 'Example' : 'Examples';
    if (lines.length > 0)
      command.addHelpText('after', `\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
  }
}
