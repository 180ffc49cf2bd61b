import test from 'ava';
import { CodedError, MemoryKeyValueStore, noMetrics, silentLogger } from '../../../src/base/index.ts';
import { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import type { Presence } from '../../../src/p2psip/publication.ts';
import { RegistrationPublisher } from '../../../src/p2psip/registration-publisher.ts';
import { FakeOverlay, NODE_1 } from './fake-overlay.ts';

const ALICE = 'alice@example.org';
const HOUR = 3600 * 1000;

function setup() {
  const clock = new VirtualClock();
  const overlay = new FakeOverlay();
  const store = new MemoryKeyValueStore();
  const deps = {
    overlay,
    clock,
    random: new SeededRandom(1),
    store,
    logger: silentLogger,
    metrics: noMetrics,
  };
  const presence = (ms = 600_000, contactPrefs = '') => ({ expiresAt: clock.now() + ms, contactPrefs });
  const publisher = new RegistrationPublisher(deps);
  const publish = (aor: string, wanted: Presence | undefined) => {
    publisher.update(aor, wanted);
    return publisher.whenStored(aor);
  };
  return { clock, overlay, deps, presence, publisher, publish };
}

test('A13: the first binding is stored with this peer as its destination', async (t) => {
  const { overlay, publish, presence } = setup();
  await publish(ALICE, presence());
  t.is(overlay.stores.length, 1);
  t.deepEqual(overlay.stores[0]!.registration, {
    type: 'route',
    contactPrefs: '',
    destinationList: [NODE_1],
  });
  t.is(overlay.stores[0]!.lifetimeS, 3600);
});

test('T3: a refresh or a second phone causes no Store, changed features do', async (t) => {
  const { overlay, publish, presence } = setup();
  await publish(ALICE, presence());
  t.is(publish(ALICE, presence(1_200_000)), undefined);
  t.is(overlay.stores.length, 1);
  await publish(ALICE, presence(600_000, '(sip.video=TRUE)'));
  t.is(overlay.stores.length, 2);
  t.true(overlay.stores[1]!.storageTime > overlay.stores[0]!.storageTime);
});

test('the record is stored again at half its life, and lives as long as the longest binding', async (t) => {
  const { clock, overlay, publish, presence } = setup();
  await publish(ALICE, presence(4 * HOUR));
  t.is(overlay.stores[0]!.lifetimeS, 4 * 3600);
  await clock.advance(2 * HOUR + 1);
  t.is(overlay.stores.length, 2);
});

test('A13: the end of the last binding withdraws the record for the rest of its life', async (t) => {
  const { clock, overlay, publisher, publish, presence } = setup();
  await publish(ALICE, presence());
  await clock.advance(600_000);
  await publish(ALICE, undefined);
  const removed = overlay.stores.at(-1)!;
  t.deepEqual(removed.registration, { type: 'removed' });
  t.is(removed.lifetimeS, 3060, 'a minute longer than what it replaces');
  t.is(publisher.size, 0);
});

test('A13: a user who comes back while his record is being withdrawn is stored again', async (t) => {
  const { clock, overlay, publisher, publish, presence } = setup();
  await publish(ALICE, presence());
  publisher.update(ALICE, undefined);
  publisher.update(ALICE, presence());
  await clock.advance(1);
  t.is(overlay.stores.at(-1)!.registration.type, 'route');
  t.is(publisher.size, 1);
});

test('a failed Store is reported to the caller and tried again behind', async (t) => {
  const { clock, overlay, publish, presence } = setup();
  overlay.storeError = new CodedError('overlay-unreachable', 'no answer');
  await t.throwsAsync(publish(ALICE, presence())!, { code: 'overlay-unreachable' });
  overlay.storeError = undefined;
  await clock.advance(2000);
  t.is(overlay.stores.length, 1);
});

test('what failed while the overlay was away is stored at once when it is back, not at the end of the back-off', async (t) => {
  const { clock, overlay, publisher, publish, presence } = setup();
  overlay.storeError = new CodedError('overlay-unreachable', 'no answer');
  await publish(ALICE, presence())?.catch(() => {});
  await clock.advance(60_000);
  overlay.storeError = undefined;
  publisher.reconcile();
  await clock.advance(1);
  t.is(overlay.stores.length, 1);
});

test('Data_Too_Old for our own key: the newer storage time is fetched and exceeded', async (t) => {
  const { clock, overlay, publish, presence } = setup();
  overlay.putRoute(ALICE, NODE_1, clock.now() + 50_000);
  await publish(ALICE, presence());
  t.is(overlay.stores[0]!.storageTime, clock.now() + 50_001);
});

test('storage times survive a restart, and what nobody registers for again is withdrawn', async (t) => {
  const { clock, overlay, deps, publish, presence } = setup();
  await publish(ALICE, presence());
  const restarted = new RegistrationPublisher(deps);
  restarted.load();
  restarted.reconcile();
  await clock.advance(1);
  t.deepEqual(overlay.stores.at(-1)!.registration, { type: 'removed' });
  t.true(overlay.stores.at(-1)!.storageTime > overlay.stores[0]!.storageTime);
});

test('the audit stores again what the overlay has lost', async (t) => {
  const { clock, overlay, publish, presence } = setup();
  await publish(ALICE, presence(HOUR));
  overlay.table.clear();
  await clock.advance(400_000);
  t.is(overlay.stores.length, 2);
  t.true(overlay.table.get(ALICE)?.has(NODE_1));
});

test('the audit stores again what is older than it should be, was removed, or ends too early', async (t) => {
  const { clock, overlay, publish, presence } = setup();
  await publish(ALICE, presence(4 * HOUR));
  const { storageTime } = overlay.stores[0]!;
  const spoilt = [
    {
      registration: { type: 'route', contactPrefs: '', destinationList: [NODE_1] },
      storageTime: storageTime - 1,
      lifetimeS: 14_000,
    },
    { registration: { type: 'removed' }, storageTime: storageTime + 1_000_000, lifetimeS: 14_000 },
    {
      registration: { type: 'route', contactPrefs: '', destinationList: [NODE_1] },
      storageTime: storageTime + 2_000_000,
      lifetimeS: 600,
    },
  ] as const;
  for (const [i, entry] of spoilt.entries()) {
    overlay.put(ALICE, { node: NODE_1, ...entry });
    await clock.advance(400_000);
    t.is(overlay.stores.length, 2 + i);
    t.is(overlay.table.get(ALICE)!.get(NODE_1)!.registration.type, 'route');
    t.true(overlay.stores.at(-1)!.storageTime > entry.storageTime);
  }
  const { length } = overlay.stores;
  await clock.advance(400_000);
  t.is(overlay.stores.length, length, 'what is in order is left alone');
});

test('A13: a withdrawn record that comes back is withdrawn again, until nothing older can be left', async (t) => {
  const { clock, overlay, publisher, publish, presence, deps } = setup();
  await publish(ALICE, presence());
  const [stored] = overlay.stores;
  await clock.advance(600_000);
  await publish(ALICE, undefined);
  await clock.advance(600_000);
  t.is(overlay.stores.length, 2);
  // The peers that held the removed value are gone, and a stale replica is found.
  overlay.putRoute(ALICE, NODE_1, stored!.storageTime);
  await clock.advance(400_000);
  t.is(overlay.stores.length, 3);
  t.is(overlay.table.get(ALICE)!.get(NODE_1)!.registration.type, 'removed');
  t.is(publisher.size, 0);
  const { fetches } = overlay;
  await clock.advance(2 * HOUR);
  const later = overlay.fetches;
  t.true(later > fetches);
  await clock.advance(2 * HOUR);
  t.is(overlay.fetches, later, 'forgotten');
  t.deepEqual([...deps.store.entries('')], []);
});

test('stop withdraws every record, and gives up after its bound', async (t) => {
  const { clock, overlay, publisher, publish, presence } = setup();
  for (const user of ['a', 'b', 'c']) await publish(`${user}@example.org`, presence());
  await publisher.stop(5000);
  t.is(overlay.stores.filter(({ registration }) => registration.type === 'removed').length, 3);

  const stuck = setup();
  await stuck.publish(ALICE, stuck.presence());
  stuck.overlay.storeRegistration = () => new Promise(() => {});
  const stopped = stuck.publisher.stop(5000);
  await stuck.clock.advance(5001);
  await t.notThrowsAsync(stopped);
  t.is(clock.pendingTimers, 0);
});

test('T16: what belongs to a revoked user is forgotten without a withdrawal, on the disk too', async (t) => {
  const { clock, overlay, publisher, publish, presence, deps } = setup();
  await publish(ALICE, presence());
  publisher.abandon(ALICE);
  publisher.update(ALICE, undefined);
  await clock.advance(4 * HOUR);
  t.is(overlay.stores.length, 1);
  t.is(publisher.size, 0);
  t.deepEqual([...deps.store.entries('')], []);
});

test('T2: what waited for a registration certificate is stored as soon as that has come', async (t) => {
  const { clock, overlay, publisher, publish, presence } = setup();
  overlay.storeError = new CodedError('no-registration-certificate', 'none');
  for (let failures = 0; failures < 8; failures += 1) {
    await publish(ALICE, presence(HOUR))?.catch(() => {});
    await clock.advance(60_000);
  }
  overlay.storeError = undefined;
  publisher.hurry(ALICE);
  await clock.advance(1);
  t.is(overlay.stores.length, 1);
  publisher.hurry(ALICE);
  publisher.hurry('nobody@example.org');
  await clock.advance(1);
  t.is(overlay.stores.length, 1, 'there is nothing more to store');
});
