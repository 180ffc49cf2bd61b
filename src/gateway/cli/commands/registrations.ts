import type { Command } from 'commander';
import type { RegisteredContact, RegistrationView } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, printLine } from '../environment.ts';
import { formatTable, type Row } from '../table.ts';

const HEAD = ['USER', 'CONTACT', 'Q', 'VIA', 'SOURCE', 'EXPIRES', 'IN THE OVERLAY UNTIL'];

export function addRegistrations(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('registrations'))
    .description('list the users registered at a peer, and their phones')
    .action(async (options: AdminOptions) => {
      const registrations = await new AdminClient(options).get<RegistrationView[]>('registrations');
      if (options.json) printLine(environment.stdout, JSON.stringify(registrations));
      else if (registrations.length === 0) printLine(environment.stdout, 'nobody is registered here');
      else printLine(environment.stdout, formatTable(HEAD, registrations.flatMap(rows)));
    });
}

function rows({ aor, bindings, publishedUntil }: RegistrationView): Row[] {
  return bindings.map(({ contact, q, transport, source, expiresAt }: RegisteredContact) => [
    aor,
    contact,
    q,
    transport,
    source,
    expiresAt,
    publishedUntil,
  ]);
}
