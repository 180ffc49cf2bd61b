import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { GatewayProcess } from '../support/gateway.ts';
import { type LookupAnswer, type Role, startOverlay } from '../support/overlay.ts';
import { type PhonesOptions, phonesTalk } from '../support/phones.ts';
import { cliJson, run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { projectRoot } from '../support/project.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';
import { checkFrames } from '../support/wirecheck.ts';

// Two unmodified phones that share nothing but the overlay: peers 1 and 3 speak SIP, peer 2 only RELOAD.

const TRACE = 'frames.hex';

async function threePeers(
  t: ExecutionContext,
  role1: Role,
): Promise<[GatewayProcess, GatewayProcess, GatewayProcess]> {
  const peers = await startOverlay(t, [role1, 'off', 'proxy'], { more: () => ({ trace: `./${TRACE}` }) });
  for (const peer of peers) {
    const lines = readFileSync(path.join(peer.directory, 'gateway.yaml'), 'utf8').trim().split('\n');
    t.true(lines.length <= 15, `a configuration has at most 15 lines:\n${lines.join('\n')}`);
  }
  return peers as [GatewayProcess, GatewayProcess, GatewayProcess];
}

/** Stops the peers and gives every frame they traced to Wireshark's dissector. */
async function framesAreWellFormed(t: ExecutionContext, peers: readonly GatewayProcess[]): Promise<void> {
  for (const peer of peers) t.is(await peer.stop(), 0);
  const frames = peers.flatMap((peer) =>
    readFileSync(path.join(peer.directory, TRACE), 'utf8').trim().split('\n'),
  );
  t.true(frames.length > 50, `${frames.length} frames traced`);
  const verdicts = await checkFrames(frames);
  const bad = verdicts.filter((verdict) => !verdict.startsWith('ok'));
  t.deepEqual(bad, []);
}

function between(peer1: GatewayProcess, peer3: GatewayProcess, transport: 'udp' | 'tcp'): PhonesOptions {
  return {
    server1: `127.0.0.1:${peer1.sipPort(transport)}`,
    server2: `127.0.0.1:${peer3.sipPort(transport)}`,
    domain: 'example.org',
    transport,
  };
}

test.serial(
  'A7, A30, A31, P4: two baresip phones talk across two peers, UDP and TCP, both ways',
  async (t) => {
    if (!requirePrograms(t, 'baresip', 'tshark')) return;
    t.timeout(180_000);
    const [peer1, peer2, peer3] = await threePeers(t, 'proxy');
    await phonesTalk(t, between(peer1, peer3, 'udp'));
    await phonesTalk(t, { ...between(peer1, peer3, 'udp'), caller: 'bob', callee: 'alice' });
    await phonesTalk(t, between(peer1, peer3, 'tcp'));
    await phonesTalk(t, { ...between(peer1, peer3, 'tcp'), caller: 'bob', callee: 'alice' });
    await framesAreWellFormed(t, [peer1, peer2, peer3]);
  },
);

test.serial('A9: a phone follows the 302 of a redirecting peer to the peer of the callee', async (t) => {
  if (!requirePrograms(t, 'baresip', 'sipp', 'tshark')) return;
  t.timeout(120_000);
  const [peer1, peer2, peer3] = await threePeers(t, 'redirect');
  await phonesTalk(t, { ...between(peer1, peer3, 'udp'), outbound: false });
  const sipp = await run(
    path.join(projectRoot, 'sipp-scenarios/run.sh'),
    ['redirect', `127.0.0.1:${peer1.sipPort()}`],
    {
      env: { REGISTRAR: `127.0.0.1:${peer3.sipPort()}` },
    },
  );
  t.is(sipp.code, 0, sipp.stdout);
  await framesAreWellFormed(t, [peer1, peer2, peer3]);
});

test.serial('A13: a lookup at a third peer shows the entry within 1 s of the REGISTER', async (t) => {
  const [, peer2, peer3] = await threePeers(t, 'proxy');
  const phone = await TestPhone.open(t, { port: peer3.sipPort() });
  t.is(statusOf(await phone.register('bob')), 200);
  await eventually('the entry at peer 2', 1000, async () => {
    const lookup = await peer2.admin<LookupAnswer>('/lookup/bob@example.org');
    return lookup.entries.some((entry) => entry.node === peer3.nodeId);
  });
  const lookup = (await cliJson('lookup', 'bob@example.org', '--admin', peer2.adminUrl)) as LookupAnswer;
  t.deepEqual(
    lookup.entries.map(({ node, destinationList }) => ({ node, destinationList })),
    [{ node: peer3.nodeId, destinationList: [peer3.nodeId] }],
  );
});
