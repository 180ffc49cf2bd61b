import { liveBytes } from '../../../sim/live-bytes.ts';
import { SimulatedOverlay, type SimulatedPeer } from '../../unit/reload/node/simulated-overlay.ts';
import { CountingMetrics } from '../counting-metrics.ts';
import { HostileMember } from './hostile-member.ts';
import { MessageFuzzer } from './message-fuzzer.ts';
import { recordSession } from './session-corpus.ts';

const PEERS = 4;
const MEMBERS = 8;

/** What one member sends at once, and how long it then waits: below what an honest neighbour may send. */
const BATCH = 20;
const PAUSE_MS = 100;

/** Longer than a recorded session lasts: the same peers signed its Stores, which must be older than what is stored here. */
const AFTER_SESSION_MS = 300_000;

/** Writes in which the framing itself is broken: the node has to close that link. */
const BROKEN_FRAMING = 1 / 200;

export interface FuzzReport {
  readonly seed: number;
  readonly frames: number;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  /** What the attacked node did with them: messages delivered, and dropped by reason. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Bytes in use after each tenth of the frames. */
  readonly live: readonly number[];
  readonly timersLeft: number;
  readonly storedValues: number;
  readonly links: number;
  /** What is wrong with the ring afterwards. */
  readonly faults: readonly string[];
  /** Users found again afterwards, of those stored before and those stored after. */
  readonly foundAgain: number;
  readonly users: number;
}

/**
 * Malicious members of a small overlay send one of its peers damaged, forged and senseless messages. Throws when any
 * of it makes the node throw; what is not caught at all ends the process.
 */
export async function fuzzNode(seed: number, frames: number): Promise<FuzzReport> {
  const began = performance.now();
  const corpus = await recordSession(seed);
  const overlay = new SimulatedOverlay(seed, [1, 3]);
  const metrics = new CountingMetrics();
  await overlay.start(overlay.make({ metrics }));
  await overlay.grow(PEERS - 1);
  await overlay.clock.advance(AFTER_SESSION_MS);
  const victim = overlay.peers[0]!;
  for (const { node } of overlay.peers) node.onApplication(5061, (connection) => connection.destroy());
  const users = Array.from({ length: 20 }, (_, i) => `user${i}`);
  for (const [i, user] of users.entries()) await overlay.register(overlay.peers[i % PEERS]!, user, 'here');

  const random = overlay.randomOf('1');
  const members = Array.from({ length: MEMBERS }, (_, i) => {
    const host = `10.66.0.${i + 1}`;
    const own = overlay.randomOf(host);
    return new HostileMember({
      network: overlay.network.host(host),
      random: own,
      document: overlay.document,
      identity: overlay.newIdentity(own),
    });
  });
  const target = {
    nodeId: victim.node.nodeId,
    others: [...overlay.peers.map(({ node }) => node.nodeId), ...members.map(({ nodeId }) => nodeId)],
  };
  const fuzzer = new MessageFuzzer(random, { corpus, target });
  const startedAt = overlay.clock.monotonic();
  let sent = 0;
  const live: number[] = [];
  while (sent < frames) {
    for (const member of members) {
      if (!member.isConnected) await overlay.clock.runUntil(member.connect(overlay.addressOf(victim)));
      const messages = Array.from({ length: BATCH }, () => fuzzer.next(member));
      if (random.float() < BROKEN_FRAMING) member.sendRaw(messages[0]!);
      else member.send(...messages);
      sent += BATCH;
    }
    await overlay.clock.advance(PAUSE_MS);
    if (sent >= ((live.length + 1) * frames) / 10) live.push(await liveBytes());
  }
  const virtualSeconds = (overlay.clock.monotonic() - startedAt) / 1000;
  for (const member of members) member.close();
  await overlay.clock.advance(120_000);
  const after = await serving(overlay, users);
  const report: FuzzReport = {
    seed,
    frames: sent,
    virtualSeconds,
    wallSeconds: (performance.now() - began) / 1000,
    outcomes: outcomesOf(metrics),
    live,
    timersLeft: overlay.clock.pendingTimers,
    storedValues: victim.node.storedValues,
    links: victim.node.ring().links.length,
    faults: overlay.faults(),
    ...after,
  };
  await overlay.stopAll();
  return report;
}

/** Stores more users through the attacked node, and looks all of them up through every peer. */
async function serving(
  overlay: SimulatedOverlay,
  users: readonly string[],
): Promise<{ foundAgain: number; users: number }> {
  const victim = overlay.peers[0] as SimulatedPeer;
  const all = [...users, ...users.map((user) => `after-${user}`)];
  for (const user of all.slice(users.length)) await overlay.register(victim, user, 'here');
  let foundAgain = 0;
  for (const [i, user] of all.entries()) {
    const texts = await overlay.lookup(overlay.peers[i % overlay.peers.length]!, user);
    if (texts.includes('here')) foundAgain++;
  }
  return { foundAgain, users: all.length };
}

/** Counts by what became of the messages: delivered, dropped for a reason, answered with an error. */
function outcomesOf(metrics: CountingMetrics): Map<string, number> {
  const outcomes = new Map<string, number>();
  for (const [name, value] of metrics.entries()) {
    const [, what, label] =
      /^reload_(?:messages_)?(\w+)_total\[(?:\["(?:reason|error)","([\w-]+)"\])?\]$/.exec(name) ?? [];
    if (what !== undefined && value > 0) outcomes.set(label === undefined ? what : `${what} ${label}`, value);
  }
  return outcomes;
}

/** The report as lines for people. */
export function describe(report: FuzzReport): string[] {
  const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return [
    `seed ${report.seed}: ${report.frames} frames in ${report.wallSeconds.toFixed(0)} s (${report.virtualSeconds.toFixed(0)} s of virtual time)`,
    `live memory after each tenth: ${report.live.map(mb).join(', ')}`,
    `${report.links} links, ${report.storedValues} values, ${report.timersLeft} timers left; ${report.foundAgain} of ${report.users} users found`,
    [...report.outcomes].map(([name, count]) => `${name} ${count}`).join(', '),
  ];
}
