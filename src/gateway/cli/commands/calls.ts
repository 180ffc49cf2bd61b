import type { Command } from 'commander';
import type { CallDetail, CallPage, CallSummary, LadderStep } from '../../calls/call-views.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, printLine } from '../environment.ts';
import { formatTable, type Row } from '../table.ts';

const CALLS = ['ID', 'STATE', 'FROM', 'TO', 'STATUS', 'BEGIN', 'SECONDS'];
const STEPS = ['MS', 'PROTOCOL', '', 'MESSAGE', 'OTHER SIDE', 'ABOUT'];

export function addCalls(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('calls'))
    .description('list the calls of the last minutes at a peer; with an id, the messages of one')
    .argument('[id]', 'as the list has it')
    .action(async (id: string | undefined, options: AdminOptions) => {
      const client = new AdminClient(options);
      const found = await (id === undefined
        ? client.get<CallPage>('calls')
        : client.get<CallDetail>('calls', id));
      printLine(environment.stdout, options.json ? JSON.stringify(found) : describe(found));
    });
}

function describe(found: CallPage | CallDetail): string {
  if ('steps' in found) return formatTable(STEPS, found.steps.map(stepRow));
  return found.items.length === 0 ? 'no call is kept' : formatTable(CALLS, found.items.map(callRow));
}

function callRow({ id, state, from, to, status, begin, answer, end }: CallSummary): Row {
  const seconds = answer && end ? Math.round((Date.parse(end) - Date.parse(answer)) / 1000) : undefined;
  return [id, state, from, to, status, begin, seconds];
}

function stepRow({ ms, protocol, direction, label, peer, address, detail }: LadderStep): Row {
  return [ms, protocol, direction === 'in' ? '<-' : '->', label, peer ?? address, detail];
}
