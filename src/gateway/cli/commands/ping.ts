import type { Command } from 'commander';
import type { PingResult } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, printLine } from '../environment.ts';

export function addPing(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('ping'))
    .argument('<node>', 'Node-ID, 32 hex digits')
    .description('send a RELOAD Ping from a running peer to another one')
    .action(async (node: string, options: AdminOptions) => {
      const result = await new AdminClient(options).get<PingResult>('ping', node);
      const line = `${result.node} answered in ${result.ms.toFixed(1)} ms`;
      printLine(environment.stdout, options.json ? JSON.stringify(result) : line);
    });
}
