import test from 'ava';
import { silentLogger } from '../../../../src/base/logger.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { DocumentedOverlay } from './documented-overlay.ts';

const DAY_MS = 86_400_000;

test('B31: a document that nears its expiration is complained about once a day, a new one ends that', async (t) => {
  const overlay = new DocumentedOverlay(111);
  const said: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (text: string) => said.push(text),
    error: (text: string) => said.push(text),
  };
  const metrics = new CountingMetrics();
  const expiresAt = Math.ceil(overlay.clock.now() / 1000) * 1000 + 16 * DAY_MS;
  const peer = overlay.makeWith(overlay.read(overlay.bytes(1, { expiresAt })), { logger, metrics });
  await overlay.start(peer);
  t.is(metrics.value('reload_configuration_expires_seconds'), expiresAt / 1000);
  await overlay.clock.advance(DAY_MS);
  t.deepEqual(said, []);
  await overlay.clock.advance(2 * DAY_MS);
  const soon = 'the configuration document expires soon';
  t.deepEqual(said.splice(0), [soon, soon]);
  await overlay.clock.advance(14 * DAY_MS);
  t.is(said.at(-1), 'the configuration document has expired');
  // It goes on: phones are served.
  await overlay.register(peer, 'alice', 'x');
  t.deepEqual(await overlay.lookup(peer, 'alice'), ['x']);

  await overlay.sendDocument(overlay.bytes(2, { expiresAt: expiresAt + 365 * DAY_MS }), peer);
  said.length = 0;
  await overlay.clock.advance(3 * DAY_MS);
  t.deepEqual(said, []);
  await overlay.stopAll();
});

test('B31: a peer does not start with an expired document that it saved', async (t) => {
  const overlay = new DocumentedOverlay(112);
  const first = overlay.read(overlay.bytes(1));
  const peer = overlay.makeWith(first);
  await overlay.start(peer);
  await overlay.sendDocument(overlay.bytes(2, { expiresAt: overlay.clock.now() + DAY_MS }), peer);
  await overlay.stop(peer);
  await overlay.clock.advance(2 * DAY_MS);
  const { kv, identity } = peer;
  t.throws(() => overlay.makeWith(first, { kv, identity }), { code: 'document-expired' });
});
