import type { Command } from 'commander';
import type { ReloadReport } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, printLine } from '../environment.ts';

export function addReload(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('reload'))
    .description('have a running peer read its configuration and users again')
    .action(async (options: AdminOptions) => {
      const report = await new AdminClient(options).post<ReloadReport>('reload');
      if (options.json) return printLine(environment.stdout, JSON.stringify(report));
      for (const warning of report.warnings) printLine(environment.stderr, warning);
      printLine(environment.stdout, `applied: ${report.applied.join(', ') || 'nothing has changed'}`);
      if (report.needRestart.length > 0) {
        printLine(environment.stdout, `after a restart: ${report.needRestart.join(', ')}`);
      }
    });
}
