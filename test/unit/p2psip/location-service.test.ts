import test from 'ava';
import { CodedError, noMetrics } from '../../../src/base/index.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import { LocationService } from '../../../src/p2psip/location-service.ts';
import { FakeOverlay, NODE_1, NODE_3, NODE_4 } from './fake-overlay.ts';

const BOB = 'bob@example.org';

function setup() {
  const clock = new VirtualClock();
  const overlay = new FakeOverlay();
  const locations = new LocationService({
    overlay,
    clock,
    metrics: noMetrics,
    isOverlayDomain: (domain) => domain === 'example.org',
  });
  return { clock, overlay, locations };
}

test('S5: the routes of all peers are found, our own left out', async (t) => {
  const { clock, overlay, locations } = setup();
  overlay.putRoute(BOB, NODE_1, clock.now());
  overlay.putRoute(BOB, NODE_3, clock.now());
  overlay.putRoute(BOB, NODE_4, clock.now());
  const { routes, known } = await locations.locate(BOB);
  t.deepEqual(routes, [[NODE_3], [NODE_4]]);
  t.true(known);
});

test('S5: an unknown AoR has no entry, a withdrawn one is known without a route', async (t) => {
  const { clock, overlay, locations } = setup();
  t.false((await locations.locate('nobody@example.org')).known);
  overlay.put(BOB, {
    node: NODE_3,
    registration: { type: 'removed' },
    storageTime: clock.now(),
    lifetimeS: 60,
  });
  t.deepEqual(await locations.locate(BOB), { routes: [], externalUris: [], known: true });
});

test('S5: AoRs that forward to one another are followed, loops and duplicates end', async (t) => {
  const { clock, overlay, locations } = setup();
  const forward = (from: string, to: string) =>
    overlay.put(from, {
      node: NODE_3,
      registration: { type: 'uri', uri: to },
      storageTime: clock.now(),
      lifetimeS: 60,
    });
  forward('a@example.org', 'sip:b@example.org');
  forward('b@example.org', 'a@example.org');
  overlay.putRoute('b@example.org', NODE_4, clock.now());
  overlay.putRoute('a@example.org', NODE_4, clock.now());
  forward('c@example.org', 'sip:out@elsewhere.net');
  t.deepEqual((await locations.locate('a@example.org')).routes, [[NODE_4]]);
  t.deepEqual((await locations.locate('c@example.org')).externalUris, ['sip:out@elsewhere.net']);
});

test('results are cached for 5 s, negative ones too, and concurrent lookups share one Fetch', async (t) => {
  const { clock, overlay, locations } = setup();
  await Promise.all([locations.locate(BOB), locations.locate(BOB)]);
  await locations.locate(BOB);
  t.is(overlay.fetches, 1);
  await clock.advance(5001);
  await locations.locate(BOB);
  t.is(overlay.fetches, 2);
  locations.forget(BOB);
  await locations.locate(BOB);
  t.is(overlay.fetches, 3);
});

test('a failed Fetch is reported and not remembered', async (t) => {
  const { overlay, locations } = setup();
  overlay.fetchError = new CodedError('overlay-unreachable', 'no answer');
  await t.throwsAsync(locations.locate(BOB), { code: 'overlay-unreachable' });
  overlay.fetchError = undefined;
  await t.notThrowsAsync(locations.locate(BOB));
  overlay.state = 'isolated';
  locations.forget(BOB);
  await t.throwsAsync(locations.locate(BOB), { code: 'overlay-unreachable' });
});

test('a peer that could not be reached is skipped for 30 s', async (t) => {
  const { clock, overlay, locations } = setup();
  overlay.putRoute(BOB, NODE_3, clock.now());
  locations.markFailed(NODE_3);
  t.deepEqual((await locations.locate(BOB)).routes, []);
  await clock.advance(30_001);
  t.deepEqual((await locations.locate(BOB)).routes, [[NODE_3]]);
});

test('T18: values older than the maximum lifetime, or than one already seen, are not believed', async (t) => {
  const { clock, overlay, locations } = setup();
  await clock.advance(25 * 3600 * 1000);
  overlay.putRoute(BOB, NODE_3, clock.now());
  t.is((await locations.locate(BOB)).routes.length, 1);
  overlay.putRoute(BOB, NODE_3, clock.now() - 1000);
  locations.forget(BOB);
  t.is((await locations.locate(BOB)).routes.length, 0);
  overlay.putRoute('old@example.org', NODE_3, clock.now() - 24 * 3600 * 1000 - 1);
  t.is((await locations.locate('old@example.org')).routes.length, 0);
});
