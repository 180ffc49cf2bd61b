import type { Command } from 'commander';
import type { LookupEntry, LookupResult } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, CommandError, printLine } from '../environment.ts';
import { formatTable, type Row } from '../table.ts';

export function addLookup(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('lookup'))
    .argument('<aor>', 'the user, like bob@example.org')
    .description('look a user up in the overlay: which peers serve him')
    .action(async (aor: string, options: AdminOptions) => {
      const result = await new AdminClient(options).get<LookupResult>('lookup', aor);
      if (options.json) printLine(environment.stdout, JSON.stringify(result));
      else if (result.entries.length > 0) printLine(environment.stdout, formatLookup(result));
      if (result.entries.length === 0) {
        throw new CommandError('operation-failed', `${result.aor} is registered nowhere in the overlay`);
      }
    });
}

function formatLookup({ aor, resourceId, entries, ms }: LookupResult): string {
  const head = ['NODE', 'TYPE', 'DESTINATION LIST', 'PREFERENCES', 'STORED', 'EXPIRES'];
  return `${aor}  resource ${resourceId}  ${Math.round(ms)} ms\n${formatTable(head, entries.map(row))}`;
}

function row({ node, type, destinationList, contactPrefs, storageTime, expiresAt }: LookupEntry): Row {
  return [
    node,
    type,
    destinationList.join(' > '),
    contactPrefs,
    new Date(storageTime).toISOString(),
    expiresAt,
  ];
}
