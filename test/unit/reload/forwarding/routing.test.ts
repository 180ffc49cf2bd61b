import test from 'ava';
import { ReloadError } from '../../../../src/reload/forwarding/reload-error.ts';
import { type Destination, toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { decodeHeader, rewriteHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { probe } from '../../../../src/reload/messages/probe.ts';
import { WILDCARD_NODE_ID } from '../../../../src/reload/wire/ids.ts';
import { ForwardingLine, type LineNode } from '../../../support/forwarding-line.ts';

const RESOURCE = 'ab'.repeat(16);
const noPadding = { padding: new Uint8Array(0) };

/** Answers pings with the index of the node that got them. */
function answering(line: ForwardingLine): ForwardingLine {
  for (const node of line.nodes) {
    node.forwarding.handle(ping, (_request, context) => {
      context.respond({ responseId: BigInt(node.index), time: line.clock.now() });
    });
  }
  return line;
}

function send(from: LineNode, destinationList: readonly Destination[]) {
  return from.forwarding.request(ping, noPadding, { destinationList });
}

/** Who answered. */
async function pinged(line: ForwardingLine, from: LineNode, destinationList: readonly Destination[]) {
  const answer = await line.clock.runUntil(send(from, destinationList), 20_000);
  return Number(answer.body.responseId);
}

const dropped = (node: LineNode, reason: string) =>
  node.metrics.value('reload_messages_dropped_total', { reason });

test('B2: the Via list names the nodes passed and the answer comes back through them', async (t) => {
  const line = answering(new ForwardingLine({ length: 4 }));
  t.is(await pinged(line, line.first, [line.last.destination]), 3);
  const ids = line.nodes.map(({ nodeId }) => toNode(nodeId));
  const headers = line.transits.map(({ from, to, bytes }) => ({ from, to, ...decodeHeader(bytes) }));
  t.deepEqual(
    headers.map(({ from, to }) => [from, to]),
    [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 2],
      [2, 1],
      [1, 0],
    ],
  );
  t.deepEqual(
    headers.slice(0, 3).map(({ viaList }) => viaList),
    [[], [ids[0]!], [ids[0]!, ids[1]!]],
  );
  t.deepEqual(
    headers.slice(3).map(({ destinationList }) => destinationList),
    [[ids[2]!, ids[1]!, ids[0]!], [ids[1]!, ids[0]!], [ids[0]!]],
  );
  t.true(headers.every(({ transactionId }) => transactionId === headers[0]!.transactionId));
});

test('B1: a Resource-ID is delivered to its owner, the wildcard to the next node', async (t) => {
  const line = answering(new ForwardingLine({ length: 3 }));
  t.is(await pinged(line, line.first, [toResource(RESOURCE)]), 2);
  const answer = line.first.forwarding.request(ping, noPadding, {
    destinationList: [toNode(WILDCARD_NODE_ID)],
    firstHop: line.nodes[1]!.nodeId,
  });
  t.is((await line.clock.runUntil(answer)).body.responseId, 1n);
});

test('B1: a node pops its own Node-ID and routes by the next entry', async (t) => {
  const line = answering(new ForwardingLine({ length: 4, owner: 0 }));
  t.is(await pinged(line, line.first, [line.nodes[2]!.destination, line.last.destination]), 3);
  // Towards the resource, whose owner is at the other end.
  t.is(await pinged(line, line.nodes[1]!, [line.last.destination, toResource(RESOURCE)]), 0);
});

test('B1: a Resource-ID before the end of the list, or in the Via list, drops the message silently', async (t) => {
  const line = answering(new ForwardingLine({ length: 2 }));
  line.intercept = ({ bytes, from }) => {
    if (from !== 0) return bytes;
    const header = decodeHeader(bytes);
    return rewriteHeader(bytes, header, {
      ...header,
      destinationList: [toResource(RESOURCE), line.last.destination],
    });
  };
  const request = send(line.first, [line.last.destination]);
  await t.throwsAsync(line.clock.runUntil(request), { code: 'request-timeout' });
  t.is(dropped(line.last, 'destination'), 5);
  t.is(line.transits.filter(({ from }) => from === 1).length, 0);

  line.intercept = ({ bytes }) => {
    const header = decodeHeader(bytes);
    return rewriteHeader(bytes, header, { ...header, viaList: [toResource(RESOURCE)] });
  };
  await t.throwsAsync(line.clock.runUntil(send(line.first, [line.last.destination])), {
    code: 'request-timeout',
  });
  t.is(dropped(line.last, 'destination'), 10);
});

test('B1: an unknown Node-ID in our own range is dropped, a connected client is reached', async (t) => {
  // Node 1 owns everything; node 2 stands for its client.
  const line = answering(new ForwardingLine({ length: 3, owner: 1 }));
  t.is(await pinged(line, line.first, [line.nodes[2]!.destination]), 2);
  await t.throwsAsync(line.clock.runUntil(send(line.first, [toNode('cd'.repeat(16))])), {
    code: 'request-timeout',
  });
  t.is(dropped(line.nodes[1]!, 'unknown-node'), 5);
});

test('B5: the TTL counts down a hop at a time and its end is answered with TTL_Exceeded', async (t) => {
  const line = answering(new ForwardingLine({ length: 4, document: { initialTtl: 1 } }));
  const error = await t.throwsAsync(line.clock.runUntil(send(line.first, [line.last.destination])), {
    instanceOf: ReloadError,
  });
  t.is(error?.errorCode, ErrorCode.TTL_Exceeded);
  t.is(error?.nodeId, line.nodes[2]!.nodeId);
  t.deepEqual(
    line.transits.slice(0, 2).map(({ bytes }) => decodeHeader(bytes).ttl),
    [1, 0],
  );
  t.is(dropped(line.nodes[2]!, 'ttl'), 1);
});

test('B5: a TTL of 0 does not keep a message from its destination', async (t) => {
  const line = answering(new ForwardingLine({ length: 2, document: { initialTtl: 0 } }));
  t.is(await pinged(line, line.first, [line.last.destination]), 1);
});

test('B5: a TTL over initial-ttl is discarded and answered with TTL_Exceeded', async (t) => {
  const line = answering(new ForwardingLine({ length: 2 }));
  line.intercept = ({ bytes, from }) => {
    const header = decodeHeader(bytes);
    return from === 0 ? rewriteHeader(bytes, header, { ...header, ttl: 101 }) : bytes;
  };
  const error = await t.throwsAsync(line.clock.runUntil(send(line.first, [line.last.destination])), {
    instanceOf: ReloadError,
  });
  t.is(error?.errorCode, ErrorCode.TTL_Exceeded);
});

test('B3: Via lists replaced by opaque ids find their way back, stale ones are dropped silently', async (t) => {
  const line = answering(new ForwardingLine({ length: 5, options: { compressViaFrom: 2 } }));
  t.is(await pinged(line, line.first, [line.last.destination]), 4);
  const opaque = line.transits.find(({ from }) => from === 3)!;
  const [entry] = decodeHeader(opaque.bytes).viaList;
  t.is(entry?.type, 'compressed');
  t.true(entry?.type === 'compressed' && entry.value >= 0x8000);

  line.transits.length = 0;
  const answered = pinged(line, line.first, [line.last.destination]);
  t.is(await answered, 4);
  const back = line.transits.find(({ from, to }) => from === 4 && to === 3)!;
  const before = line.transits.length;
  await line.clock.advance(15_000);
  line.inject(back.bytes, 4, 3);
  await line.clock.advance(100);
  t.is(dropped(line.nodes[3]!, 'stale-opaque-id'), 1);
  t.is(line.transits.length, before);
});

test('B2: a node that should have Attached may Ping, all else is Forbidden', async (t) => {
  const line = answering(new ForwardingLine({ length: 2 }));
  line.intercept = ({ bytes, from, to }) => {
    if (from !== 0) return bytes;
    line.clock.setTimer(5, () =>
      line.inject(bytes, from, to, { unattached: [line.first.nodeId, 'ee'.repeat(16)] }),
    );
    return undefined;
  };
  t.is(await pinged(line, line.first, [line.last.destination]), 1);
  const request = line.first.forwarding.request(
    probe,
    { requestedInfo: [1] },
    { destinationList: [line.last.destination] },
  );
  const error = await t.throwsAsync(line.clock.runUntil(request), { instanceOf: ReloadError });
  t.is(error?.errorCode, ErrorCode.Forbidden);
  t.is(dropped(line.last, 'unattached'), 1);
});

test('without a link the request fails at once', async (t) => {
  const line = answering(new ForwardingLine({ length: 2 }));
  t.is(await pinged(line, line.first, [line.last.destination]), 1);
  line.disconnect(0, 1);
  await t.throwsAsync(line.clock.runUntil(send(line.first, [line.last.destination])), {
    code: 'no-route',
  });
});

test('requests a node sends to itself are serialised, signed and answered like all others', async (t) => {
  const line = answering(new ForwardingLine({ length: 1 }));
  t.is(await pinged(line, line.first, [line.first.destination]), 0);
  t.is(await pinged(line, line.first, [toResource(RESOURCE)]), 0);
  t.is(line.first.metrics.value('reload_messages_delivered_total'), 4);
});
