import type { Command } from 'commander';
import type { BanView } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, printLine } from '../environment.ts';
import { formatTable } from '../table.ts';

export function addBans(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('bans'))
    .description('list the sources that get no answer from a peer')
    .action(async (options: AdminOptions) => {
      const bans = await new AdminClient(options).get<BanView[]>('bans');
      if (options.json) printLine(environment.stdout, JSON.stringify(bans));
      else if (bans.length === 0) printLine(environment.stdout, 'nobody is banned here');
      else {
        const rows = bans.map(({ source, reason, until }) => [source, reason, until]);
        printLine(environment.stdout, formatTable(['SOURCE', 'REASON', 'UNTIL'], rows));
      }
    });
}
