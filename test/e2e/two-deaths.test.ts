import test from 'ava';
import type { GatewayProcess } from '../support/gateway.ts';
import { type LookupAnswer, resourceIdOf, responsiblePeer, startOverlay } from '../support/overlay.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { inGroups } from '../support/testnet.ts';
import { eventually } from '../support/wait.ts';

const PEERS = 8;
const RECORDS = 200;
/** Connections to a killed process are reset at once: this is for two peers to be replaced and all records fetched. */
const LIMIT_MS = 5_000;
const AT_ONCE = 10;

interface RegisteredUser {
  readonly aor: string;
  readonly resource: string;
  /** Serves the user's phone; its Node-ID is the key of the record. */
  readonly gateway: GatewayProcess;
}

test.serial(
  'A28, B21, B27: the owner of records and its successor are killed at the same moment, and 200 records are fetched within 5 s',
  async (t) => {
    const peers = await startOverlay(
      t,
      Array.from({ length: PEERS }, () => 'proxy'),
      { more: () => ({ sip: { auth: 'none', allow: ['127.0.0.0/8'] } }) },
    );
    const users = await registerUsers(peers, await Promise.all(peers.map((peer) => phoneOf(t, peer))));
    await eventually('all records, seen from the first peer', 20_000, () => allFound(peers[0]!, users));

    const [owner, successor] = fullestPair(peers, users);
    const asking = peers.find((peer) => peer !== peers[0] && peer !== owner && peer !== successor)!;
    const lost = users.filter(({ resource }) => responsiblePeer(peers, resource) === owner);
    t.true(lost.length > 0, 'the dying owner has records');

    process.kill(owner.pid, 'SIGKILL');
    process.kill(successor.pid, 'SIGKILL');
    const began = performance.now();
    const missing: string[] = [];
    await inGroups(users, AT_ONCE, async (user) => {
      if (!(await isFound(asking, user))) missing.push(user.aor);
    });
    const elapsedMs = performance.now() - began;
    t.log(
      `${lost.length} of ${RECORDS} records were the dead owner's; all fetched in ${elapsedMs.toFixed(0)} ms`,
    );
    t.deepEqual(missing, []);
    t.true(elapsedMs <= LIMIT_MS, `${elapsedMs.toFixed(0)} ms`);
  },
);

function phoneOf(t: Parameters<typeof TestPhone.open>[0], peer: GatewayProcess): Promise<TestPhone> {
  return TestPhone.open(t, { port: peer.sipPort() });
}

/** The users' phones in turn at each of the gateways. */
async function registerUsers(
  gateways: readonly GatewayProcess[],
  phones: readonly TestPhone[],
): Promise<readonly RegisteredUser[]> {
  const users = Array.from({ length: RECORDS }, (_, i) => {
    const aor = `user${i}@example.org`;
    return { aor, resource: resourceIdOf(aor), gateway: gateways[i % gateways.length]! };
  });
  await inGroups(users, AT_ONCE, async ({ aor, gateway }) => {
    const response = await phones[gateways.indexOf(gateway)]!.register(aor.split('@')[0]!);
    if (statusOf(response) !== 200) throw new Error(`REGISTER of ${aor}: ${response.start}`);
  });
  return users;
}

async function allFound(asking: GatewayProcess, users: readonly RegisteredUser[]): Promise<boolean> {
  let found = 0;
  await inGroups(users, AT_ONCE, async (user) => {
    if (await isFound(asking, user)) found++;
  });
  return found === users.length;
}

/** Whether the record is there and is the one that the user's gateway stored. */
async function isFound(asking: GatewayProcess, { aor, resource, gateway }: RegisteredUser): Promise<boolean> {
  const lookup = await asking.admin<LookupAnswer>(`/lookup/${aor}`).catch(() => undefined);
  if (lookup === undefined || lookup.resourceId !== resource || lookup.entries.length !== 1) return false;
  const { node, type, destinationList } = lookup.entries[0]!;
  return node === gateway.nodeId && type === 'route' && destinationList.join() === gateway.nodeId;
}

/** Of all neighbours on the ring, the peer and its successor that own most records together, the peer some itself. */
function fullestPair(
  peers: readonly GatewayProcess[],
  users: readonly RegisteredUser[],
): [GatewayProcess, GatewayProcess] {
  const ring = [...peers].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const owned = (peer: GatewayProcess) =>
    users.filter(({ resource }) => responsiblePeer(peers, resource) === peer).length;
  const pairs = ring
    .map((peer, i): [GatewayProcess, GatewayProcess] => [peer, ring[(i + 1) % ring.length]!])
    .filter(([owner]) => owned(owner) > 0);
  return pairs.sort((a, b) => owned(b[0]) + owned(b[1]) - owned(a[0]) - owned(a[1]))[0]!;
}
