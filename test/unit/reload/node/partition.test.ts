import test, { type ExecutionContext } from 'ava';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? 20_261_126);
/** Of the built-in document. */
const STABILISATION_MS = 600_000;

interface Entry {
  readonly by: SimulatedPeer;
  readonly text: string | undefined;
}

/** Writes the entry of one peer for a user; undefined removes it. */
async function write(overlay: SimulatedOverlay, user: string, { by, text }: Entry): Promise<void> {
  const aor = `${user}@sim.example.org`;
  const value = Buffer.from(text ?? '');
  await overlay.clock.runUntil(
    by.node.store(
      userResource(aor),
      [
        {
          kind: Kind.SIP_REGISTRATION,
          values: [
            {
              key: by.node.nodeId,
              exists: text !== undefined,
              value,
              lifetimeS: 7_200,
              storageTime: overlay.clock.now(),
            },
          ],
        },
      ],
      { signer: by.identity.registration(aor) },
    ),
    60_000,
  );
}

/** What all peers find for a user, each entry as Node-ID and text. */
async function assertSeenEverywhere(
  t: ExecutionContext,
  overlay: SimulatedOverlay,
  user: string,
  expected: ReadonlyMap<string, string | undefined>,
): Promise<void> {
  const wanted = [...expected].map(([node, text]) => `${node} ${text}`).sort();
  for (const { node } of overlay.peers) {
    const [found] = await overlay.clock.runUntil(
      node.fetch(overlay.resourceOf(user), [{ kind: Kind.SIP_REGISTRATION }]),
      60_000,
    );
    const seen = found!.values.map(({ value }) => {
      const key = value.model === 'DICTIONARY' ? value.key : '';
      return `${key} ${value.exists ? Buffer.from(value.value) : undefined}`;
    });
    t.deepEqual(seen.sort(), wanted, user);
  }
}

test('A42, B29: 16 peers split 8 and 8 for ten minutes and written to on both sides are one ring with the newest values within two stabilisation intervals of the heal', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(16);
  const [here, away] = [overlay.peers.slice(0, 8), overlay.peers.slice(8)];
  const users = Array.from({ length: 40 }, (_, i) => `user${i}`);
  const expected = new Map(users.map((user) => [user, new Map<string, string | undefined>()]));
  const put = async (user: string, entry: Entry): Promise<void> => {
    await write(overlay, user, entry);
    expected.get(user)!.set(entry.by.node.nodeId, entry.text);
  };
  for (const [i, user] of users.entries()) {
    await put(user, { by: here[i % 8]!, text: 'before' });
    if (i % 2 === 0) await put(user, { by: away[i % 8]!, text: 'before' });
  }

  overlay.network.partition([away.map(({ host }) => host)]);
  await overlay.clock.advance(120_000);
  for (const [i, user] of users.entries()) {
    // Entries of before are changed or removed by their owners, others are new, on either side or on both.
    if (i % 4 !== 3) await put(user, { by: here[i % 8]!, text: i % 5 === 0 ? undefined : 'changed here' });
    if (i % 4 !== 1) await put(user, { by: away[i % 8]!, text: i % 7 === 0 ? undefined : 'changed away' });
    if (i % 3 === 0) await put(user, { by: away[(i + 1) % 8]!, text: 'new away' });
  }
  await overlay.clock.advance(480_000);
  overlay.network.heal();
  await overlay.clock.advance(2 * STABILISATION_MS);

  t.deepEqual(overlay.faults(), []);
  for (const user of users) await assertSeenEverywhere(t, overlay, user, expected.get(user)!);
  await overlay.stopAll();
});
