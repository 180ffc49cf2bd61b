import test from 'ava';
import fc from 'fast-check';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { fragmentFor, isWhole, Reassembler } from '../../../../src/reload/forwarding/fragments.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import {
  decodeHeader,
  encodeWithHeader,
  WHOLE_MESSAGE,
} from '../../../../src/reload/messages/forwarding-header.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { ForwardingLine } from '../../../support/forwarding-line.ts';

const LIMITS = { maxMessageSize: 65_536, hop: '0a'.repeat(16) };

function message(bodyLength: number, transactionId = 1n): Uint8Array {
  const body = Buffer.alloc(bodyLength);
  for (let i = 0; i < bodyLength; i++) body[i] = (i * 31) & 0xff;
  return encodeWithHeader(
    {
      overlay: 1,
      configurationSequence: 0,
      ttl: 100,
      fragment: WHOLE_MESSAGE,
      transactionId,
      maxResponseLength: 0,
      viaList: [toNode('01'.repeat(16))],
      destinationList: [toNode('02'.repeat(16))],
      options: [{ type: 1, flags: 0, value: Buffer.from('option') }],
    },
    body,
  );
}

const split = (bytes: Uint8Array, mtu: number) => fragmentFor(mtu, bytes, decodeHeader(bytes));

function reassemble(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const reassembler = new Reassembler({ clock: new VirtualClock() });
  for (const part of parts) {
    const result = reassembler.add(part, decodeHeader(part), LIMITS);
    if (result.state === 'complete') return result.message;
  }
  return undefined;
}

test('B17: equal-sized fragments with full lists, 32 bytes of headroom and at least 256 bytes of body', (t) => {
  const whole = message(5000);
  const header = decodeHeader(whole);
  const parts = split(whole, 1200);
  t.is(parts.length, 5);
  for (const [i, part] of parts.entries()) {
    const { viaList, destinationList, options, length, headerLength, fragment } = decodeHeader(part);
    t.deepEqual(
      { viaList, destinationList, options },
      {
        viaList: header.viaList,
        destinationList: header.destinationList,
        options: header.options,
      },
    );
    t.is(length, part.length);
    t.true(part.length <= 1200 - 32);
    t.true(part.length - headerLength >= 256);
    t.is(fragment & 0xff_ffff, i * 1000);
    t.is((fragment & 0x4000_0000) !== 0, i === 4);
    t.is(fragment >>> 31, 1);
  }
});

test('B17: a message that fits, or has no room for 256 bytes of body, is not split', (t) => {
  const small = message(500);
  t.deepEqual(split(small, 1200), [small]);
  const crowded = message(2000);
  t.deepEqual(split(crowded, decodeHeader(crowded).headerLength + 200), [crowded]);
  t.deepEqual(fragmentFor(undefined, crowded, decodeHeader(crowded)), [crowded]);
});

test('B17: fragments in any order, with copies, and fragmented again on the way, give the message', (t) => {
  const property = fc.property(
    fc.integer({ min: 600, max: 20_000 }),
    fc.integer({ min: 500, max: 3000 }),
    fc.integer({ min: 450, max: 1500 }),
    fc.infiniteStream(fc.nat()),
    (length, mtu, smaller, order) => {
      const whole = message(length);
      const parts = split(whole, mtu).flatMap((part, i) => (i % 2 === 0 ? split(part, smaller) : [part]));
      const keyed = [...parts, ...parts.slice(0, 2)].map((part) => ({ part, key: order.next().value }));
      const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ part }) => part);
      const result = parts.length === 1 ? parts[0] : reassemble(shuffled);
      return result !== undefined && Buffer.compare(result, whole) === 0;
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 100 }));
});

test('B17: overlapping fragments of differently cut copies fit together', (t) => {
  const whole = message(6000);
  const [first] = split(whole, 2500);
  const others = split(whole, 1700).slice(1);
  t.deepEqual(reassemble([first!, ...others]), whole);
});

test('B17: fragments wait 15 s, in bounded space', async (t) => {
  const clock = new VirtualClock();
  const reassembler = new Reassembler({ clock });
  const add = (part: Uint8Array) => reassembler.add(part, decodeHeader(part), LIMITS).state;
  const [head, ...tail] = split(message(2000), 1200);
  t.is(add(head!), 'waiting');
  t.true(reassembler.heldBytes > 0);
  await clock.advance(15_001);
  for (const part of tail) t.is(add(part), 'waiting', 'the first one was forgotten');
  t.true(reassembler.heldBytes < 2000);

  const many = Array.from({ length: 300 }, (_, i) => split(message(40_000, BigInt(i + 10)), 30_000)[0]!);
  const states = many.map(add);
  t.true(states.includes('dropped'));
  t.true(reassembler.heldBytes <= 4 * 1024 * 1024);
  await clock.advance(15_001);
  t.is(add(head!), 'waiting');
  t.true(reassembler.heldBytes < 2000);
});

test('B17: the fragments of one node leave room for those of others', (t) => {
  const reassembler = new Reassembler({ clock: new VirtualClock() });
  const add = (part: Uint8Array, hop: string) =>
    reassembler.add(part, decodeHeader(part), { ...LIMITS, hop }).state;
  const firstOf = (i: number) => split(message(1_000, BigInt(i)), 900)[0]!;
  const states = Array.from({ length: 1_000 }, (_, i) => add(firstOf(i), 'aa'));
  t.is(states.filter((state) => state === 'waiting').length, 64);
  const [head, tail] = split(message(1_000, 5_000n), 900);
  t.is(add(head!, 'bb'), 'waiting');
  t.is(add(tail!, 'bb'), 'complete');
});

test('B17: a message in ever more pieces with a gap is given up, at little cost', (t) => {
  const reassembler = new Reassembler({ clock: new VirtualClock() });
  const whole = message(60_000);
  const header = decodeHeader(whole);
  const piece = (start: number, end: number, last = 0) =>
    encodeWithHeader(
      { ...header, fragment: (0x8000_0000 | last | start) >>> 0 },
      whole.subarray(header.headerLength + start, header.headerLength + end),
    );
  const add = (part: Uint8Array) => reassembler.add(part, decodeHeader(part), LIMITS).state;
  add(piece(59_000, 60_000, 0x4000_0000));
  const began = process.hrtime.bigint();
  let given = 0;
  for (let at = 1; at < 58_000; at++) if (add(piece(at, at + 1)) === 'dropped') given++;
  t.true(given > 0);
  t.true(reassembler.heldBytes < 2_000);
  t.true(process.hrtime.bigint() - began < 10_000_000_000n);
});

test('B17: a fragment beyond max-message-size and two different ends are dropped', (t) => {
  const reassembler = new Reassembler({ clock: new VirtualClock() });
  const parts = split(message(5000), 1200);
  t.is(
    reassembler.add(parts.at(-1)!, decodeHeader(parts.at(-1)!), { ...LIMITS, maxMessageSize: 3000 }).state,
    'dropped',
  );
  const shorter = split(message(4000), 1200).at(-1)!;
  t.is(reassembler.add(parts.at(-1)!, decodeHeader(parts.at(-1)!), LIMITS).state, 'waiting');
  t.is(reassembler.add(shorter, decodeHeader(shorter), LIMITS).state, 'dropped');
  t.is(reassembler.heldBytes, 0);
});

test('B17: only the destination reassembles; request and answer cross datagram links in fragments', async (t) => {
  const line = new ForwardingLine({ length: 3, mtu: 1400 });
  let received = 0;
  line.last.forwarding.handle(ping, ({ padding }, context) => {
    received = padding.length;
    context.respond({ responseId: 1n, time: 0 });
  });
  const request = line.first.forwarding.request(
    ping,
    { padding: new Uint8Array(9000) },
    { destinationList: [line.last.destination] },
  );
  await line.clock.runUntil(request);
  t.is(received, 9000);
  const passed = line.transits.filter(({ from, to }) => from === 1 && to === 2);
  t.true(passed.length > 6);
  for (const { bytes } of passed) {
    t.true(bytes.length <= 1400);
    t.false(isWhole(decodeHeader(bytes)));
    t.deepEqual(decodeHeader(bytes).viaList, [line.first.destination]);
  }
});
