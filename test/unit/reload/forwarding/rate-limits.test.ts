import test from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { RateLimits } from '../../../../src/reload/forwarding/rate-limits.ts';
import { attach } from '../../../../src/reload/messages/attach.ts';
import { find } from '../../../../src/reload/messages/find.ts';
import { decodeHeader, encodeWithHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { store } from '../../../../src/reload/messages/store.ts';
import { ForwardingLine, type LineNode, type LineOptions } from '../../../support/forwarding-line.ts';

const noPadding = { padding: new Uint8Array(0) };
const [A, B] = ['0a'.repeat(16), '0b'.repeat(16)];

const dropped = (node: LineNode, reason: string) =>
  node.metrics.value('reload_messages_dropped_total', { reason });

function lineOf(options: LineOptions): ForwardingLine {
  const line = new ForwardingLine(options);
  for (const { forwarding } of line.nodes) {
    forwarding.handle(ping, (_request, context) => context.respond({ responseId: 7n, time: 0 }));
  }
  return line;
}

/** Pings of the first node to the last, as they leave it. */
async function pings(line: ForwardingLine, count: number): Promise<Uint8Array[]> {
  line.intercept = () => undefined;
  for (let i = 0; i < count; i++) {
    const stop = new AbortController();
    const options = { destinationList: [line.last.destination], signal: stop.signal };
    line.first.forwarding.request(ping, noPadding, options).catch(() => {});
    stop.abort();
  }
  await line.clock.advance(0);
  const sent = line.transits.map(({ bytes }) => bytes);
  line.transits.length = 0;
  return sent;
}

test('a link over its share of signature checks is dropped from, others are not hurt, and it recovers', async (t) => {
  const line = lineOf({ length: 3, options: { rateLimits: { verify: { perSecond: 2, burst: 10 } } } });
  const [frame] = await pings(line, 1);
  line.intercept = () => undefined;
  // A signature that fails costs as much as a good one.
  const forged = Buffer.from(frame!);
  forged[forged.length - 1]! ^= 1;
  for (let i = 0; i < 100; i++) line.inject(forged, 1, 2);
  t.is(dropped(line.last, 'signature'), 10);
  t.is(dropped(line.last, 'rate'), 90);
  line.inject(frame!, 0, 2);
  t.is(line.last.metrics.value('reload_messages_delivered_total'), 1);
  await line.clock.advance(3_000);
  for (let i = 0; i < 10; i++) line.inject(frame!, 1, 2);
  t.is(line.last.metrics.value('reload_messages_delivered_total'), 7);
});

test('requests of one signer are bounded over all links, by what they cost', async (t) => {
  const line = lineOf({ length: 3, options: { rateLimits: { work: { perSecond: 1, burst: 4 } } } });
  const frames = await pings(line, 6);
  line.intercept = () => undefined;
  for (const [i, frame] of frames.entries()) line.inject(frame, i % 2, 2);
  t.is(line.last.metrics.value('reload_messages_delivered_total'), 4);
  t.is(dropped(line.last, 'rate'), 2);
});

test('an honest request that was dropped comes again after 3 s and is carried out then', async (t) => {
  const line = lineOf({ length: 2, options: { rateLimits: { work: { perSecond: 1, burst: 1 } } } });
  const request = () =>
    line.first.forwarding.request(ping, noPadding, { destinationList: [line.last.destination] });
  const answers = await line.clock.runUntil(Promise.all([request(), request(), request()]));
  t.is(answers.length, 3);
  t.true(line.clock.monotonic() >= 3_000 && line.clock.monotonic() < 7_000);
});

test('the first honest node on the way bounds what it passes on for a flooder', async (t) => {
  const line = lineOf({ length: 3, options: { rateLimits: { forward: { perSecond: 10, burst: 20 } } } });
  const [frame] = await pings(line, 1);
  line.intercept = () => undefined;
  for (let i = 0; i < 100; i++) line.inject(frame!, 0, 1);
  t.is(line.transits.filter(({ from, to }) => from === 1 && to === 2).length, 20);
  t.is(dropped(line.nodes[1]!, 'rate'), 80);
});

test('answers to our own requests cost their link nothing', async (t) => {
  const line = lineOf({ length: 2, options: { rateLimits: { verify: { perSecond: 0, burst: 3 } } } });
  line.last.forwarding.handle(ping, (_request, context) => context.respond({ responseId: 7n, time: 0 }));
  for (let i = 0; i < 3; i++) {
    const request = line.first.forwarding.request(ping, noPadding, {
      destinationList: [line.last.destination],
    });
    await line.clock.runUntil(request);
  }
  t.is(dropped(line.first, 'rate'), 0);
});

test('error answers that need no signature check are bounded as well: each is signed', async (t) => {
  const line = lineOf({ length: 2, options: { rateLimits: { verify: { perSecond: 0, burst: 5 } } } });
  const [frame] = await pings(line, 1);
  line.intercept = () => undefined;
  const header = decodeHeader(frame!);
  const bad = encodeWithHeader({ ...header, ttl: 255 }, frame!.subarray(header.headerLength));
  for (let i = 0; i < 50; i++) line.inject(bad, 0, 1);
  t.is(dropped(line.last, 'ttl'), 50);
  t.is(line.transits.length, 5);
});

test('what makes us connect is bounded per signer and per link, dear requests count for more', (t) => {
  const limits = new RateLimits(
    { clock: new VirtualClock(), logger: silentLogger },
    {
      connectPerLink: { perSecond: 0, burst: 5 },
      connectPerSigner: { perSecond: 0, burst: 3 },
      work: { perSecond: 0, burst: 40 },
    },
  );
  const served = (hop: string, signer: string, code: number, times: number, bytes = 1_000) =>
    Array.from({ length: times }, () => limits.mayServe(hop, signer, code, bytes)).filter(Boolean).length;
  t.is(served(A, A, attach.requestCode, 10), 3);
  // Signers cost an attacker nothing in an open overlay, links do: of the five of this link three were used, two lost.
  t.is(served(A, B, attach.requestCode, 10), 0);
  t.is(served(B, B, attach.requestCode, 10), 3);
  t.is(served(A, A, find.requestCode, 10), 4);
  t.is(served(A, B, store.requestCode, 10, 65_000), 1);
});

test('honest traffic at the rates an adapter peer reaches is never dropped', async (t) => {
  const clock = new VirtualClock();
  const limits = new RateLimits({ clock, logger: silentLogger });
  const message = { certificates: 2, bytes: 1_800 };
  const takes = (code: number) =>
    limits.mayForward(B, message.bytes) &&
    limits.mayVerify(A, message.certificates) &&
    limits.mayServe(A, A, code, message.bytes);
  // A hand-over of 50,000 records as fast as it can go: no time passes at all.
  for (let i = 0; i < 50_000; i++) t.true(takes(store.requestCode));
  await clock.advance(60_000);
  // An hour of 1,000 first REGISTERs a second on five peers: each sends each other one 200 Stores and 400 replicas.
  for (let second = 0; second < 3_600; second++) {
    let all = true;
    for (let i = 0; i < 600; i++) all = takes(store.requestCode) && all;
    t.true(all);
    await clock.advance(1_000);
  }
  // A peer that joins attaches to its neighbours and fingers.
  for (let i = 0; i < 40; i++) t.true(limits.mayServe(A, A, attach.requestCode, 500));
});

test('certificates count: a message full of them costs as many signature checks', (t) => {
  const limits = new RateLimits(
    { clock: new VirtualClock(), logger: silentLogger },
    { verify: { perSecond: 0, burst: 100 } },
  );
  t.true(limits.mayVerify(A, 40));
  t.false(limits.mayVerify(A, 40));
  t.true(limits.mayVerify(A, 2));
});

test('somebody over a limit is warned about once a minute, not once a message', async (t) => {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
  const limits = new RateLimits({ clock, logger }, { forward: { perSecond: 0, burst: 1 } });
  for (let i = 0; i < 100; i++) t.is(limits.mayForward(A, 100), i < 1);
  t.is(warnings.length, 1);
  await clock.advance(60_000);
  limits.mayForward(A, 100);
  t.is(warnings.length, 2);
});
