import test from 'ava';
import { CodedError, type Logger, silentLogger, utf8 } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { DocumentError } from '../../../../src/reload/document/document-error.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { DocumentFollower } from '../../../../src/reload/enrollment/document-follower.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { documentWith } from '../document/support.ts';

function world() {
  const clock = new VirtualClock();
  const state = {
    offered: utf8('document 1'),
    freshMs: undefined as number | undefined,
    isDown: false,
    peers: 2,
    refusal: undefined as Error | undefined,
  };
  let document: OverlayDocument = documentOf(state.offered);
  const taken: string[] = [];
  const asked: number[] = [];
  const log: string[] = [];
  const write = (level: string) => (text: string) => log.push(`${level} ${text}`);
  const logger: Logger = { ...silentLogger, info: write('info'), warn: write('warn'), error: write('error') };
  const metrics = new CountingMetrics();
  const fetch = async () => {
    asked.push(clock.now());
    if (state.isDown) throw new CodedError('configuration-unreachable', 'no answer');
    return { bytes: state.offered, freshMs: state.freshMs };
  };
  const follower = new DocumentFollower(
    { clock, random: new SeededRandom(4), logger, metrics, fetcher: { fetch } },
    {
      current: () => document,
      peers: () => state.peers,
      take: async (bytes) => {
        if (state.refusal !== undefined) throw state.refusal;
        document = documentOf(bytes);
        taken.push(Buffer.from(bytes).toString());
      },
    },
  );
  const count = (result: string) => metrics.value('reload_document_fetches_total', { result });
  return { clock, state, follower, taken, asked, log, count };
}

function documentOf(bytes: Uint8Array): OverlayDocument {
  return documentWith({ source: { bytes, configuration: bytes, signatures: [] } });
}

test('A20 B32: a new document is taken within 30 s', async (t) => {
  const { clock, state, follower, taken, count } = world();
  follower.start(true);
  await clock.advance(60_000);
  t.deepEqual(taken, []);
  t.true(count('unchanged') >= 2);
  state.offered = utf8('document 2');
  await clock.advance(30_000);
  t.deepEqual(taken, ['document 2']);
  t.is(count('new'), 1);
  follower.stop();
  await clock.advance(60_000);
  t.is(clock.pendingTimers, 0);
});

test('B32: who began with a saved document asks at once; the server may set the pace, in bounds', async (t) => {
  const { clock, state, follower, asked } = world();
  state.freshMs = 600_000;
  follower.start(false);
  await clock.advance(1_000);
  t.is(asked.length, 1);
  await clock.advance(300_000 - 1_000);
  t.is(asked.length, 1);
  await clock.advance(300_000);
  t.is(asked.length, 2);
  state.freshMs = 0;
  await clock.advance(600_000);
  const before = asked.length;
  await clock.advance(60_000);
  t.true(asked.length - before <= 12, 'not more often than every 5 to 10 s');
  follower.stop();
});

test('B31 B32: a forged or older document is not taken and complained about once', async (t) => {
  const { clock, state, follower, taken, log, count } = world();
  follower.start(true);
  state.offered = utf8('forged');
  state.refusal = new DocumentError('document-forged', 'the signature of the configuration does not count');
  await clock.advance(300_000);
  t.deepEqual(taken, []);
  t.true(count('document-forged') >= 10);
  t.deepEqual(log, ['error the configuration server offers a document that is not taken']);
  follower.stop();
});

test('B32: a good document that cannot be taken is no fault of the server, and the log says so once', async (t) => {
  const { clock, state, follower, log, count, taken } = world();
  state.offered = utf8('document 2');
  state.refusal = new CodedError('write-failed', 'no space left on device');
  follower.start(false);
  await clock.advance(90_000);
  t.deepEqual(log, ['error a newer document was fetched and cannot be taken']);
  t.true(count('failed') >= 2);
  state.refusal = undefined;
  await clock.advance(30_000);
  t.deepEqual(taken, ['document 2']);
  follower.stop();
});

test('B32: a server that is away is asked every two minutes at the least, and the log says so once', async (t) => {
  const { clock, state, follower, taken, asked, log, count } = world();
  state.isDown = true;
  follower.start(true);
  await clock.advance(3_600_000);
  t.true(asked.length >= 30 && asked.length <= 70, `${asked.length}`);
  t.is(count('configuration-unreachable'), asked.length);
  state.isDown = false;
  state.offered = utf8('document 2');
  await clock.advance(120_000);
  t.deepEqual(taken, ['document 2']);
  t.deepEqual(log, [
    'warn no newer document can be fetched; this peer goes on with the one it has',
    'info the configuration server answers again',
  ]);
  follower.stop();
});

test('B32: the more peers ask, the seldomer each of them does', async (t) => {
  const { clock, state, follower, asked } = world();
  state.peers = 10_000;
  follower.start(true);
  await clock.advance(30_000);
  t.is(asked.length, 1);
  await clock.advance(500_000 * 20);
  const each = (500_000 * 20) / (asked.length - 1);
  t.true(each > 300_000 && each < 450_000, `every ${each} ms: 10,000 peers make 20 to 30 requests a second`);
  follower.stop();
});
