import type { Command } from 'commander';
import type { TraceResult } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, CommandError, printLine } from '../environment.ts';
import { formatTable, type Row } from '../table.ts';

export function addTrace(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('trace'))
    .argument('<aor>', 'like alice@example.org')
    .description("follow the way to a user's record, peer by peer, and on to the peers that serve the user")
    .action(async (aor: string, options: AdminOptions) => {
      const result = await new AdminClient(options).get<TraceResult>('trace', aor);
      printLine(environment.stdout, options.json ? JSON.stringify(result) : formatTrace(result));
      if (result.broken !== undefined) {
        throw new CommandError('operation-failed', `the way to the record is broken: ${result.broken}`);
      }
      if (result.serving.length === 0) throw new CommandError('operation-failed', `nobody serves ${aor}`);
    });
}

function formatTrace({ aor, resourceId, hops, serving, lookupMs }: TraceResult): string {
  const last = hops.length - 1;
  const route: Row[] = hops.map(({ node, ms }, i) => [
    i,
    node,
    i === 0 ? undefined : `${ms.toFixed(1)} ms`,
    [...(i === 0 ? ['this peer'] : []), ...(i === last ? ['keeps the record'] : [])].join(', '),
  ]);
  const served: Row[] = serving.map(({ node, ms, problem }) => [
    undefined,
    node,
    ms === undefined ? undefined : `${ms.toFixed(1)} ms`,
    problem === undefined ? 'serves the user' : `serves the user, does not answer: ${problem}`,
  ]);
  return `${aor}  resource ${resourceId}  looked up in ${lookupMs.toFixed(1)} ms\n${formatTable(['HOP', 'NODE', 'TIME', ''], [...route, ...served])}`;
}
