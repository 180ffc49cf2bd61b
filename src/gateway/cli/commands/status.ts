import type { Command } from 'commander';
import type { PeerStatus } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, printLine } from '../environment.ts';
import { formatDuration, formatPairs } from '../table.ts';

export function addStatus(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('status'))
    .description('show how a running peer is doing')
    .action(async (options: AdminOptions) => {
      const status = await new AdminClient(options).get<PeerStatus>('status');
      printLine(environment.stdout, options.json ? JSON.stringify(status) : formatStatus(status));
    });
}

function formatConfiguration({ sequence, expires }: NonNullable<PeerStatus['configuration']>): string {
  return expires === undefined ? `number ${sequence}` : `number ${sequence}, until ${expires}`;
}

function formatEnrollment({ reachable, users }: NonNullable<PeerStatus['enrollment']>): string {
  return `${reachable ? 'the server answers' : 'no server answers'}, ${users} of its users known here`;
}

function formatStatus(status: PeerStatus): string {
  const { aors, bindings } = status.registrations;
  return formatPairs([
    ['node', status.node],
    ['overlay', status.overlay],
    ...(status.configuration === undefined
      ? []
      : [['document', formatConfiguration(status.configuration)] as const]),
    ['certificate', `${status.certificate.user}, until ${status.certificate.expires}`],
    ['state', `${status.state} (${status.role})`],
    ['up', formatDuration(status.uptimeS)],
    ['version', status.version],
    ['overlay links', `${status.links} open, accepted at ${status.overlayListen.join(' ')}`],
    ['sip', status.sip.mode === 'off' ? 'off' : `${status.sip.mode} at ${status.sip.uris.join(' ')}`],
    ['predecessor', status.predecessor],
    ['successor', status.successor],
    ['stored values', status.storedValues],
    ['registered', `${aors} users, ${bindings} contacts`],
    ...(status.enrollment === undefined
      ? []
      : [['enrollment', formatEnrollment(status.enrollment)] as const]),
  ]);
}
