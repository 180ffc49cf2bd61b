import type { Command } from 'commander';
import type { RingView } from '../../admin/peer-admin.ts';
import { AdminClient, type AdminOptions, withAdminOptions } from '../admin-client.ts';
import { type CliEnvironment, printLine } from '../environment.ts';
import { formatTable, type Row } from '../table.ts';

export function addRing(program: Command, environment: CliEnvironment): void {
  withAdminOptions(program.command('ring'))
    .description("show a peer's place in the ring: neighbours, fingers, links")
    .action(async (options: AdminOptions) => {
      const ring = await new AdminClient(options).get<RingView>('ring');
      printLine(environment.stdout, options.json ? JSON.stringify(ring) : formatRing(ring));
    });
}

function formatRing(ring: RingView): string {
  const rows: Row[] = [
    // The farthest predecessor first, so that the table reads as the ring runs.
    ...ring.predecessors.map((node, i) => row(ring, `predecessor ${i + 1}`, node)).reverse(),
    ['this peer', ring.node, undefined, undefined],
    ...ring.successors.map((node, i) => row(ring, `successor ${i + 1}`, node)),
    ...ring.fingers.map((node) => row(ring, 'finger', node)),
    ...linkedOnly(ring).map((node) => row(ring, 'link only', node)),
  ];
  return `state ${ring.state}\n${formatTable(['PLACE', 'NODE', 'ADDRESS', 'RTT'], rows)}`;
}

function row({ links }: RingView, place: string, node: string): Row {
  const link = links.find((candidate) => candidate.node === node);
  return [place, node, link?.address, link?.rttMs === undefined ? undefined : `${link.rttMs.toFixed(1)} ms`];
}

function linkedOnly({ links, predecessors, successors, fingers }: RingView): string[] {
  const placed = new Set([...predecessors, ...successors, ...fingers]);
  return links.map(({ node }) => node).filter((node) => !placed.has(node));
}
