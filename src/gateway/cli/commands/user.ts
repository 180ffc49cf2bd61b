import type { Command } from 'commander';
import { type AuthorityOptions, explained, openAuthority, withAuthorityOptions } from '../authority.ts';
import { type CliEnvironment, printLine } from '../environment.ts';
import { readPassword } from '../password-input.ts';
import { formatTable } from '../table.ts';
import { reportDocument } from './overlay.ts';

interface PasswordOptions extends AuthorityOptions {
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

const STDIN_HELP = 'read the password from the standard input instead of asking for it';

export function addUser(program: Command, environment: CliEnvironment): void {
  const user = program.command('user').description('accounts of an overlay: its users and its peers');
  withAuthorityOptions(user.command('add'))
    .argument('<aor>', 'like alice@example.org')
    .option('--password-stdin', STDIN_HELP)
    .option('--adapter', 'the account of a peer that phones register at')
    .option('--json', 'print JSON')
    .description('give somebody an account')
    .action((aor: string, options: PasswordOptions & { adapter?: boolean }) =>
      explained(() => add(aor, options, environment)),
    );
  withAuthorityOptions(user.command('passwd'))
    .argument('<aor>', 'like alice@example.org')
    .option('--password-stdin', STDIN_HELP)
    .option('--revoke', 'whoever got in with the old one is out: revoke what was certified so far')
    .option('--json', 'print JSON')
    .description('change the password of an account')
    .action((aor: string, options: PasswordOptions & { revoke?: boolean }) =>
      explained(() => passwd(aor, options, environment)),
    );
  withAuthorityOptions(user.command('list'))
    .option('--json', 'print JSON')
    .description('list the accounts')
    .action((options: AuthorityOptions & { json?: boolean }) => explained(() => list(options, environment)));
  withAuthorityOptions(user.command('remove'))
    .argument('<aor>', 'like alice@example.org')
    .option('--json', 'print JSON')
    .description('take an account away and revoke its certificates')
    .action((aor: string, options: AuthorityOptions & { json?: boolean }) =>
      explained(() => remove(aor, options, environment)),
    );
}

async function add(
  aor: string,
  options: PasswordOptions & { adapter?: boolean },
  environment: CliEnvironment,
): Promise<void> {
  const { accounts } = openAuthority(options);
  const password = await readPassword(environment, options);
  const adapter = options.adapter === true;
  const name = await accounts.add(aor, password, { adapter });
  if (options.json) printLine(environment.stdout, JSON.stringify({ name, adapter }));
  else printLine(environment.stdout, `${name}: ${adapter ? 'account of an adapter peer' : 'account'} made`);
}

async function passwd(
  aor: string,
  options: PasswordOptions & { revoke?: boolean },
  environment: CliEnvironment,
): Promise<void> {
  const { accounts, editor } = openAuthority(options);
  const name = await accounts.setPassword(aor, await readPassword(environment, options));
  const document = options.revoke ? await editor.revoke(accounts, name) : undefined;
  if (options.json) {
    printLine(environment.stdout, JSON.stringify({ name, sequence: document?.sequence }));
    return;
  }
  printLine(environment.stdout, `${name}: password changed`);
  if (document !== undefined) reportDocument(document, environment);
}

function list(options: AuthorityOptions & { json?: boolean }, { stdout }: CliEnvironment): void {
  const accounts = openAuthority(options)
    .accounts.list()
    .map(({ name, adapter, nodeIds, created }) => ({ name, adapter, nodeIds, created }));
  if (options.json) {
    printLine(stdout, JSON.stringify(accounts));
    return;
  }
  const rows = accounts.map(({ name, adapter, nodeIds, created }) => [
    name,
    adapter ? 'adapter' : '-',
    nodeIds.length === 0 ? undefined : nodeIds.join(' '),
    created,
  ]);
  printLine(stdout, formatTable(['ACCOUNT', 'KIND', 'NODE-IDS', 'CREATED'], rows));
}

async function remove(
  aor: string,
  options: AuthorityOptions & { json?: boolean },
  environment: CliEnvironment,
): Promise<void> {
  const { accounts, editor } = openAuthority(options);
  const document = await editor.remove(accounts, aor);
  if (options.json) {
    printLine(environment.stdout, JSON.stringify({ name: aor, sequence: document?.sequence }));
    return;
  }
  printLine(environment.stdout, `${aor}: account removed, its certificates revoked`);
  if (document !== undefined) reportDocument(document, environment);
}
