import test from 'ava';
import { CodedError } from '../../../../src/base/index.ts';
import { type Destination, toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode, errorResponse } from '../../../../src/reload/messages/error-response.ts';
import {
  decodeHeader,
  encodeWithHeader,
  type ForwardingHeader,
} from '../../../../src/reload/messages/forwarding-header.ts';
import { decodeEnvelope } from '../../../../src/reload/messages/message.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { decodeWhole } from '../../../../src/reload/wire/codec.ts';
import { ForwardingLine, type LineNode } from '../../../support/forwarding-line.ts';

const MAX = 65_536;
const opaque = (length: number): Destination => ({ type: 'opaque', bytes: new Uint8Array(length) });

const dropped = (node: LineNode, reason: string) =>
  node.metrics.value('reload_messages_dropped_total', { reason });

/** A line whose links refuse what is over max-message-size, as real ones do, and a Ping sent along it. */
async function pingOn(length: number) {
  const line = new ForwardingLine({ length });
  line.last.forwarding.handle(ping, (_request, context) => context.respond({ responseId: 7n, time: 0 }));
  line.intercept = ({ bytes }) => {
    if (bytes.length > MAX) throw new CodedError('message-too-large', `${bytes.length} bytes`);
    return undefined;
  };
  const stop = new AbortController();
  const options = { destinationList: [line.last.destination], signal: stop.signal };
  line.first.forwarding.request(ping, { padding: new Uint8Array(0) }, options).catch(() => {});
  stop.abort();
  const { bytes } = line.transits.shift()!;
  const header = decodeHeader(bytes);
  return {
    line,
    header,
    /** The same Ping with other lists. */
    with: (lists: Partial<ForwardingHeader>) =>
      encodeWithHeader({ ...header, ...lists }, bytes.subarray(header.headerLength)),
    size: bytes.length,
  };
}

function errorIn(answer: Uint8Array): number {
  const { contents } = decodeEnvelope(answer, decodeHeader(answer));
  return decodeWhole(errorResponse, contents.body).errorCode;
}

/** A list that leaves `spare` bytes of a message of the largest size. */
function filling(messageBytes: number, spare: number): Destination[] {
  const room = MAX - messageBytes - spare;
  const list = Array.from({ length: Math.floor(room / 257) }, () => opaque(254));
  const rest = room - list.length * 257;
  return rest >= 3 ? [...list, opaque(rest - 3)] : list;
}

test('B16: a message that even the shortest Via entry makes too large is dropped and answered with Message_Too_Large', async (t) => {
  const { line, header, with: pingWith, size } = await pingOn(3);
  const full = (spare: number) =>
    pingWith({ destinationList: [...header.destinationList, ...filling(size, spare)] });
  t.is(full(1).length, MAX - 1);
  t.notThrows(() => line.inject(full(1), 0, 1));
  t.is(dropped(line.nodes[1]!, 'too-large'), 1);
  t.is(errorIn(line.transits[0]!.bytes), ErrorCode.Message_Too_Large);

  t.notThrows(() => line.inject(full(18), 0, 1));
  t.is(line.nodes[1]!.metrics.value('reload_messages_forwarded_total'), 1);
});

test('B3, B16: where a Via entry does not fit any more, an opaque id stands for the list', async (t) => {
  const { line, with: pingWith, size } = await pingOn(3);
  const via = filling(size, 4);
  t.notThrows(() => line.inject(pingWith({ viaList: via }), 0, 1));
  t.is(line.nodes[1]!.metrics.value('reload_messages_forwarded_total'), 1);
  const [entry, ...more] = decodeHeader(line.transits[0]!.bytes).viaList;
  t.is(entry?.type, 'compressed');
  t.deepEqual(more, []);
});

test('B16: an answer that does not fit beside its way back is replaced by an error, or dropped if even that is too large', async (t) => {
  for (const spare of [40, 0]) {
    const { line, with: pingWith, size } = await pingOn(2);
    line.last.forwarding.handle(ping, (_request, context) =>
      context.respond({ responseId: 7n, time: 0 }, { certificates: [new Uint8Array(1_000)] }),
    );
    // Where there is no room, not even an error fits: the way back begins with a longer entry than its own destination.
    const lists = spare === 0 ? { destinationList: [toResource('')] } : {};
    const saved = size - pingWith(lists).length;
    t.notThrows(() => line.inject(pingWith({ ...lists, viaList: filling(size - saved, spare) }), 0, 1));
    t.is(line.last.metrics.value('reload_messages_delivered_total'), 1);
    const errors = line.transits.map(({ bytes }) => errorIn(bytes));
    t.deepEqual(errors, spare === 0 ? [] : [ErrorCode.Response_Too_Large]);
    t.is(dropped(line.last, 'too-large'), spare === 0 ? 1 : 0);
  }
});

test('B16: a request of our own with lists that do not fit fails, and nothing waits for it', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  const destinationList = [...Array.from({ length: 256 }, () => opaque(254)), line.last.destination];
  const request = line.first.forwarding.request(
    ping,
    { padding: new Uint8Array(0) },
    { destinationList, firstHop: line.last.nodeId },
  );
  await t.throwsAsync(line.clock.runUntil(request), { code: 'message-too-large' });
  t.is(line.first.forwarding.pendingRequests, 0);
  t.is(line.clock.pendingTimers, 0);
});

test('B16: a message over max-message-size in a short list is answered with Message_Too_Large', async (t) => {
  const { line, with: pingWith } = await pingOn(2);
  line.document = { ...line.document, maxMessageSize: 600 };
  line.inject(pingWith({ viaList: [opaque(200)] }), 0, 1);
  const [answer] = line.transits;
  t.is(errorIn(answer!.bytes), ErrorCode.Message_Too_Large);
});

test('lists of many entries are bounded: 256 pass, one more is malformed', async (t) => {
  const { line, with: pingWith, header } = await pingOn(3);
  const bomb = (length: number) => [
    ...header.destinationList,
    ...Array.from({ length }, (_, i) => toNode(i.toString(16).padStart(32, '0'))),
  ];
  line.inject(pingWith({ destinationList: bomb(255) }), 0, 1);
  t.is(line.transits.length, 1);
  line.inject(pingWith({ destinationList: bomb(256) }), 0, 1);
  t.is(dropped(line.nodes[1]!, 'malformed'), 1);
  line.inject(pingWith({ viaList: Array.from({ length: 257 }, () => toNode('0a'.repeat(16))) }), 0, 1);
  t.is(dropped(line.nodes[1]!, 'malformed'), 2);
});

test('B1: a list may come back to a node twice, more often it leads in circles and is dropped', async (t) => {
  const { line, with: pingWith, header } = await pingOn(3);
  const { destination } = line.nodes[1]!;
  const times = (count: number) => [
    ...Array.from({ length: count }, () => destination),
    ...header.destinationList,
  ];
  line.inject(pingWith({ destinationList: times(3) }), 0, 1);
  t.deepEqual(decodeHeader(line.transits[0]!.bytes).destinationList, header.destinationList);
  line.inject(pingWith({ destinationList: times(4) }), 0, 1);
  t.is(line.transits.length, 1);
  t.is(dropped(line.nodes[1]!, 'destination'), 1);
});

test('B3: guessed opaque ids lead nowhere, silently', async (t) => {
  const { line, with: pingWith } = await pingOn(2);
  for (let value = 0x8000; value <= 0xffff; value += 97) {
    line.inject(pingWith({ destinationList: [{ type: 'compressed', value }, line.last.destination] }), 0, 1);
  }
  t.is(line.transits.length, 0);
  t.is(dropped(line.last, 'stale-opaque-id'), Math.ceil(0x8000 / 97));
});
