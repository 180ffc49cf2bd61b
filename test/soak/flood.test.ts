import test from 'ava';
import { decodeHeader, encodeWithHeader } from '../../src/reload/messages/forwarding-header.ts';
import { ping } from '../../src/reload/messages/ping.ts';
import { ForwardingLine } from '../support/forwarding-line.ts';
import { floodOverTls } from '../support/fuzz/flood-tls.ts';

// npm run soak -- --match='*flood*'

const MESSAGES = 20_000;

/** Signed Pings of the first node to the second, as they leave it. */
async function pings(line: ForwardingLine, count: number): Promise<Buffer[]> {
  line.intercept = () => undefined;
  for (let i = 0; i < count; i++) {
    const stop = new AbortController();
    const options = { destinationList: [line.last.destination], signal: stop.signal };
    line.first.forwarding.request(ping, { padding: new Uint8Array(0) }, options).catch(() => {});
    stop.abort();
  }
  await line.clock.advance(0);
  return line.transits.map(({ bytes }) => Buffer.from(bytes));
}

/** µs for each of the messages, given to a fresh node as fast as it takes them. */
async function costOf(make: (frame: Buffer, i: number) => Uint8Array, burst = MESSAGES): Promise<number> {
  const rate = { perSecond: 1e-6, burst };
  const line = new ForwardingLine({ length: 2, options: { rateLimits: { verify: rate, work: rate } } });
  line.last.forwarding.handle(ping, (_request, context) => context.respond({ responseId: 1n, time: 0 }));
  const sent = await pings(line, 100);
  const frames = Array.from({ length: MESSAGES }, (_, i) => make(Buffer.from(sent[i % 100]!), i));
  const began = performance.now();
  for (const frame of frames) line.inject(frame, 0, 1);
  return ((performance.now() - began) * 1000) / MESSAGES;
}

const broken = (frame: Buffer) => frame.fill(0xff, 38, 60);
const forged = (frame: Buffer) => {
  frame[frame.length - 3]! ^= 1;
  return frame;
};
const expired = (frame: Buffer) => {
  const header = decodeHeader(frame);
  return encodeWithHeader({ ...header, ttl: 255 }, frame.subarray(header.headerLength));
};

test('what a flood costs: over the limit a message costs a fraction of a signature check', async (t) => {
  t.timeout(120_000);
  const good = await costOf((frame) => frame);
  const signature = await costOf(forged);
  const costs = {
    'answered Pings': good,
    'signatures that fail': signature,
    'signatures that fail, over the limit': await costOf(forged, 1),
    'Pings, over the limit': await costOf((frame) => frame, 1),
    'bad TTL, over the limit': await costOf(expired, 1),
    malformed: await costOf(broken),
  };
  for (const [what, cost] of Object.entries(costs)) t.log(`${what}: ${cost.toFixed(1)} µs a message`);
  t.true(costs['signatures that fail, over the limit'] < signature / 2);
  t.true(costs['Pings, over the limit'] < good / 3);
  t.true(costs.malformed < signature);
});

for (const kind of ['signatures that fail', 'Stores of its own'] as const) {
  test(`others are served while a member floods a node on real TLS with ${kind}`, async (t) => {
    t.timeout(300_000);
    const { quiet, flooded, received, delivered, dropped, seconds } = await floodOverTls(kind, 10_000);
    const ms = (values: readonly number[], share: number) =>
      values[Math.floor(values.length * share)]?.toFixed(1);
    t.log(
      `${received} messages in ${seconds.toFixed(1)} s: ${delivered} delivered, ${dropped} over the rate`,
    );
    for (const [name, values] of Object.entries({ quiet, flooded })) {
      t.log(`${name}: ${values.length} Fetches, p50 ${ms(values, 0.5)} ms, p99 ${ms(values, 0.99)} ms`);
    }
    t.true(flooded.length > 50);
    t.true(flooded[Math.floor(flooded.length * 0.99)]! < 1_000);
  });
}
