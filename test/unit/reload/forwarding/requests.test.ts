import test from 'ava';
import { ReloadError, RequestRefusal } from '../../../../src/reload/forwarding/reload-error.ts';
import { seal } from '../../../../src/reload/forwarding/sealed-message.ts';
import { attach } from '../../../../src/reload/messages/attach.ts';
import { configUpdate } from '../../../../src/reload/messages/config-update.ts';
import { toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode, unknownKindsInfo } from '../../../../src/reload/messages/error-response.ts';
import { fetch } from '../../../../src/reload/messages/fetch.ts';
import { find } from '../../../../src/reload/messages/find.ts';
import { decodeHeader, encodeWithHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { OptionFlag } from '../../../../src/reload/messages/forwarding-option.ts';
import { join } from '../../../../src/reload/messages/join.ts';
import { decodeEnvelope } from '../../../../src/reload/messages/message.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { probe } from '../../../../src/reload/messages/probe.ts';
import { store } from '../../../../src/reload/messages/store.ts';
import { toCandidates } from '../../../../src/reload/node/candidates.ts';
import { decodeWhole, encodeWhole } from '../../../../src/reload/wire/codec.ts';
import { remainder } from '../../../../src/reload/wire/sequences.ts';
import { ForwardingLine, type LineNode } from '../../../support/forwarding-line.ts';

const RESOURCE = 'ab'.repeat(16);
const noPadding = { padding: new Uint8Array(0) };
const storeNothing = { resource: RESOURCE, replicaNumber: 0, kindData: [] };

function answerPings(node: LineNode, length = 0): void {
  node.forwarding.handle(ping, (_request, context) => context.respond({ responseId: 7n, time: length }));
}

const dropped = (node: LineNode, reason: string) =>
  node.metrics.value('reload_messages_dropped_total', { reason });

function sendPing(line: ForwardingLine, signal?: AbortSignal) {
  return line.first.forwarding.request(ping, noPadding, {
    destinationList: [line.last.destination],
    ...(signal && { signal }),
  });
}

/** The error code the request is answered with. */
async function errorOf(line: ForwardingLine, request: Promise<unknown>): Promise<number | undefined> {
  try {
    await line.clock.runUntil(request, 20_000);
    return undefined;
  } catch (error) {
    if (error instanceof ReloadError) return error.errorCode;
    throw error;
  }
}

test('B4: five sends with one transaction id, 3 s apart, then failure', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  line.intercept = () => undefined;
  const times: number[] = [];
  line.intercept = () => {
    times.push(line.clock.monotonic());
    return undefined;
  };
  const request = sendPing(line);
  await t.throwsAsync(line.clock.runUntil(request), { code: 'request-timeout' });
  t.deepEqual(times, [0, 3000, 6000, 9000, 12_000]);
  t.is(line.clock.monotonic(), 15_000);
  const ids = new Set(line.transits.map(({ bytes }) => decodeHeader(bytes).transactionId));
  t.is(ids.size, 1);
  t.is(line.first.forwarding.pendingRequests, 0);
  t.is(line.clock.pendingTimers, 0);
});

test('B4: a lost request, or a lost answer, is made good by retransmission', async (t) => {
  const line = new ForwardingLine({ length: 3 });
  answerPings(line.last);
  let seen = 0;
  line.intercept = ({ bytes, from, to }) => {
    if (from === 0 || (from === 2 && to === 1)) seen++;
    return seen === 1 || seen === 3 ? undefined : bytes;
  };
  const answer = await line.clock.runUntil(sendPing(line));
  t.is(answer.body.responseId, 7n);
  t.is(line.first.metrics.value('reload_retransmissions_total'), 2);
  t.is(line.clock.monotonic(), 6040);
  t.is(line.clock.pendingTimers, 0);
});

test('B4: a retransmitted Store is carried out once and answered twice alike', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  let stored = 0;
  line.last.forwarding.handle(store, (_request, context) => {
    stored++;
    context.respond({ kindResponses: [{ kind: 1, generation: stored, replicas: [] }] });
  });
  const answers: Uint8Array[] = [];
  line.intercept = ({ bytes, from }) => {
    if (from === 1) answers.push(bytes);
    return from === 1 && answers.length === 1 ? undefined : bytes;
  };
  const request = line.first.forwarding.request(store, storeNothing, {
    destinationList: [toResource(RESOURCE)],
  });
  const answer = await line.clock.runUntil(request);
  t.is(stored, 1);
  t.is(answer.body.kindResponses[0]?.generation, 1);
  const [given, again] = answers.map((bytes) => decodeEnvelope(bytes, decodeHeader(bytes)));
  t.deepEqual(given!.contentsBytes, again!.contentsBytes);
  t.is(given!.header.transactionId, again!.header.transactionId);
  t.is(line.last.metrics.value('reload_answers_repeated_total'), 1);

  // T18: a copy replayed within the 15 s changes nothing; later the transaction id has been forgotten.
  const copy = line.transits[0]!.bytes;
  line.inject(copy, 0, 1);
  await line.clock.advance(10_000);
  t.is(stored, 1);
  await line.clock.advance(5_001);
  line.inject(copy, 0, 1);
  await line.clock.advance(100);
  t.is(stored, 2);
});

test('B4: a copy that comes while the first is being worked on is dropped', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  let handled = 0;
  line.last.forwarding.handle(store, async (_request, context) => {
    handled++;
    await new Promise<void>((resolve) => line.clock.setTimer(4000, resolve));
    context.respond({ kindResponses: [] });
  });
  const request = line.first.forwarding.request(store, storeNothing, {
    destinationList: [toResource(RESOURCE)],
  });
  await line.clock.runUntil(request);
  t.is(handled, 1);
  t.is(dropped(line.last, 'duplicate'), 1);
});

test('B4: a Fetch is simply processed again', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  let handled = 0;
  line.last.forwarding.handle(fetch, (_request, context) => {
    handled++;
    context.respond({ kindResponses: [] });
  });
  const request = line.first.forwarding.request(
    fetch,
    { resource: RESOURCE, specifiers: [] },
    { destinationList: [toResource(RESOURCE)] },
  );
  await line.clock.runUntil(request);
  line.inject(line.transits[0]!.bytes, 0, 1);
  await line.clock.advance(100);
  t.is(handled, 2);
});

test('an aborted request stops at once, and so do all when the node stops', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  line.last.forwarding.handle(ping, () => {});
  const controller = new AbortController();
  const aborted = sendPing(line, controller.signal);
  line.clock.setTimer(4000, () => controller.abort(new Error('no longer wanted')));
  await t.throwsAsync(line.clock.runUntil(aborted), { message: 'no longer wanted' });
  t.is(line.transits.filter(({ from }) => from === 0).length, 2);
  const stopped = sendPing(line);
  line.first.forwarding.stop();
  await t.throwsAsync(stopped, { code: 'stopped' });
  await line.clock.advance(20);
  t.is(line.clock.pendingTimers, 0);
  t.is(line.first.forwarding.pendingRequests, 0);
  await t.throwsAsync(sendPing(line, AbortSignal.abort(new Error('never wanted'))), {
    message: 'never wanted',
  });
});

test('B5: what is not of this overlay, version or form is dropped and counted', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  answerPings(line.last);
  await line.clock.runUntil(sendPing(line));
  const sound = Buffer.from(line.transits[0]!.bytes);
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(sound);
    change(bytes);
    return bytes;
  };
  const cases: readonly [string, Buffer][] = [
    ['malformed', changed((bytes) => bytes.writeUInt32BE(0x52454c4f, 0))],
    ['malformed', sound.subarray(0, 30)],
    ['malformed', changed((bytes) => bytes.writeUInt16BE(9000, 34))],
    ['overlay', changed((bytes) => bytes.writeUInt32BE(1, 4))],
    ['version', changed((bytes) => bytes.writeUInt8(0x0b, 10))],
    ['length', sound.subarray(0, sound.length - 1)],
    ['length', Buffer.concat([sound, Buffer.alloc(1)])],
    ['fragment-bit', changed((bytes) => bytes.writeUInt32BE(0x4000_0000, 12))],
    // §6.3.4: one changed byte of the contents
    ['signature', changed((bytes) => bytes.writeUInt8(sound[sound.length - 20]! ^ 1, sound.length - 20))],
  ];
  const before = line.transits.length;
  for (const [reason, bytes] of cases) {
    const count = dropped(line.last, reason);
    line.inject(bytes, 0, 1);
    await line.clock.advance(20);
    t.is(dropped(line.last, reason), count + 1, reason);
  }
  t.is(line.transits.length, before, 'nothing is answered');
});

test('A1: a message of another overlay on the same host is dropped and counted', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  const own = line.document;
  const request = sendPing(line);
  line.document = { ...own, overlayHash: own.overlayHash ^ 1 };
  await t.throwsAsync(line.clock.runUntil(request), { code: 'request-timeout' });
  t.is(dropped(line.last, 'overlay'), 5);
});

test('B9: an answer to a Node-ID must be signed by that node', async (t) => {
  const line = new ForwardingLine({ length: 3 });
  answerPings(line.last);
  const forger = line.nodes[1]!.identity.signer;
  line.intercept = ({ bytes, from, to }) => {
    if (from !== 1 || to !== 0) return bytes;
    const header = decodeHeader(bytes);
    const { contentsBytes } = decodeEnvelope(bytes, header);
    const { overlay, transactionId } = header;
    const forged = seal(contentsBytes, { overlayHash: overlay, transactionId, signer: forger });
    return encodeWithHeader(header, forged.contents, forged.security);
  };
  await t.throwsAsync(line.clock.runUntil(sendPing(line)), { code: 'request-timeout' });
  t.is(dropped(line.first, 'answer-signer'), 5);
});

test('B9: an answer to a Resource-ID must come from a node as close as our neighbours', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  answerPings(line.last);
  const send = () =>
    line.first.forwarding.request(ping, noPadding, { destinationList: [toResource(RESOURCE)] });
  line.plausibleOwner = (nodeId) => nodeId !== line.last.nodeId;
  await t.throwsAsync(line.clock.runUntil(send()), { code: 'request-timeout' });
  t.is(dropped(line.first, 'answer-signer'), 5);
  line.plausibleOwner = () => true;
  const answer = await line.clock.runUntil(send());
  t.is(answer.signer.nodeId, line.last.nodeId);
  t.is(answer.previousHop, line.last.nodeId);
});

test('B9: an answer nobody waits for is dropped before its signature is looked at', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  answerPings(line.last);
  await line.clock.runUntil(sendPing(line));
  line.inject(line.transits[1]!.bytes, 1, 0);
  await line.clock.advance(20);
  t.is(dropped(line.first, 'unmatched-answer'), 1);
});

test('B6: requests of another configuration sequence are refused, ConfigUpdate with 65535 never', async (t) => {
  const older: string[] = [];
  const line = new ForwardingLine({
    length: 2,
    document: { sequence: 5 },
    options: { onOlderConfiguration: (nodeId) => older.push(nodeId) },
  });
  answerPings(line.last);
  line.last.forwarding.handle(configUpdate, (_request, context) => context.respond({}));
  const withSequence = (configurationSequence: number) => ({
    destinationList: [line.last.destination],
    configurationSequence,
  });
  const send = (sequence: number) =>
    errorOf(line, line.first.forwarding.request(ping, noPadding, withSequence(sequence)));
  t.is(await send(5), undefined);
  t.is(await send(4), ErrorCode.Config_Too_Old);
  t.is(await send(65_534), ErrorCode.Config_Too_Old);
  t.is(await send(6), ErrorCode.Config_Too_New);
  t.is(await send(30_000), ErrorCode.Config_Too_New);
  t.deepEqual(older, [line.first.nodeId, line.first.nodeId]);
  const update = { type: 'config', configData: new Uint8Array(0) } as const;
  t.is(
    await errorOf(line, line.first.forwarding.request(configUpdate, update, withSequence(65_535))),
    undefined,
  );
});

test('B7: critical options are refused where they matter, and copied into the answer where asked', async (t) => {
  const line = new ForwardingLine({ length: 3 });
  answerPings(line.last);
  let flags = 0;
  line.intercept = ({ bytes, from, to }) => {
    if (from !== 0 || to !== 1) return bytes;
    const header = decodeHeader(bytes);
    const options = [{ type: 0x42, flags, value: Buffer.from('hello') }];
    return encodeWithHeader({ ...header, options }, bytes.subarray(header.headerLength));
  };
  t.is(await errorOf(line, sendPing(line)), undefined);
  flags = OptionFlag.forwardCritical;
  t.is(await errorOf(line, sendPing(line)), ErrorCode.Unsupported_Forwarding_Option);
  t.is(dropped(line.nodes[1]!, 'option'), 1);
  flags = OptionFlag.destinationCritical;
  t.is(await errorOf(line, sendPing(line)), ErrorCode.Unsupported_Forwarding_Option);
  t.is(dropped(line.nodes[1]!, 'option'), 1);
  flags = OptionFlag.responseCopy;
  t.is(await errorOf(line, sendPing(line)), undefined);
  const { options } = decodeHeader(line.transits.at(-1)!.bytes);
  t.deepEqual(options, [{ type: 0x42, flags: 0, value: Buffer.from('hello') }]);
});

test('B7: an error from a node on the way is a response as well, which the destination-critical flag forbids', async (t) => {
  const line = new ForwardingLine({ length: 4, document: { initialTtl: 1 } });
  answerPings(line.last);
  let flags = 0;
  line.intercept = ({ bytes, from }) => {
    if (from !== 0) return bytes;
    const header = decodeHeader(bytes);
    const options = [{ type: 0x42, flags, value: new Uint8Array(0) }];
    return encodeWithHeader({ ...header, options }, bytes.subarray(header.headerLength));
  };
  t.is(await errorOf(line, sendPing(line)), ErrorCode.TTL_Exceeded);
  flags = OptionFlag.destinationCritical | OptionFlag.responseCopy;
  t.is(await errorOf(line, sendPing(line)), ErrorCode.Unsupported_Forwarding_Option);
  const { options } = decodeHeader(line.transits.at(-1)!.bytes);
  t.deepEqual(options, [{ type: 0x42, flags: 0, value: Buffer.alloc(0) }]);
});

test('B8: an unknown extension is refused when it is critical and let be when not', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  answerPings(line.last);
  const send = (critical: boolean) =>
    line.first.forwarding.request(ping, noPadding, {
      destinationList: [line.last.destination],
      extensions: [{ type: 0x1234, critical, contents: Buffer.from('abc') }],
    });
  t.is(await errorOf(line, send(false)), undefined);
  t.is(await errorOf(line, send(true)), ErrorCode.Unknown_Extension);
});

test('B5, T6: an answer over max_response_length becomes Response_Too_Large', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  line.last.forwarding.handle(find, (_request, context) => {
    context.respond({ results: Array.from({ length: 50 }, (_, kind) => ({ kind, closest: RESOURCE })) });
  });
  const send = (maxResponseLength: number) =>
    line.first.forwarding.request(
      find,
      { resource: RESOURCE, kinds: [] },
      { destinationList: [line.last.destination], maxResponseLength },
    );
  t.is(await errorOf(line, send(0)), undefined);
  t.is(await errorOf(line, send(4000)), undefined);
  t.is(await errorOf(line, send(1000)), ErrorCode.Response_Too_Large);
  t.is(line.last.metrics.value('reload_errors_sent_total', { error: 'Response_Too_Large' }), 1);
});

test('B16: nothing over max-message-size is sent; what arrives over it is answered Message_Too_Large', async (t) => {
  const line = new ForwardingLine({ length: 2, document: { maxMessageSize: 2000 } });
  answerPings(line.last);
  const send = () =>
    line.first.forwarding.request(
      ping,
      { padding: new Uint8Array(1800) },
      { destinationList: [line.last.destination] },
    );
  await t.throwsAsync(send(), { code: 'message-too-large' });
  t.is(line.transits.length, 0);
  const { document } = line;
  line.document = { ...document, maxMessageSize: 5000 };
  const request = send();
  line.document = document;
  t.is(await errorOf(line, request), ErrorCode.Message_Too_Large);
});

test('B22: all unknown Kinds of a Store are listed', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  line.last.forwarding.handle(store, () => t.fail('must not be handled'));
  const value = { model: 'SINGLE', exists: true, value: new Uint8Array(3) } as const;
  const signature = {
    algorithm: { hash: 0, signature: 0 },
    identity: { type: 'none' },
    value: new Uint8Array(0),
  } as const;
  const values = [{ storageTime: 1, lifetime: 2, value, signature }];
  const kindData = [2000, 2, 2001].map((kind) => ({ kind, generation: 0, values }));
  const request = line.first.forwarding.request(
    store,
    { ...storeNothing, kindData },
    { destinationList: [toResource(RESOURCE)] },
  );
  const error = await t.throwsAsync(line.clock.runUntil(request), { instanceOf: ReloadError });
  t.is(error?.errorCode, ErrorCode.Unknown_Kind);
  t.deepEqual(decodeWhole(unknownKindsInfo, error!.errorInfo), { unknownKinds: [2000, 2001] });
});

test('B8: bodies that do not decode and methods without a handler are Invalid_Message', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  answerPings(line.last);
  t.is(
    await errorOf(
      line,
      line.first.forwarding.request(
        probe,
        { requestedInfo: [] },
        { destinationList: [line.last.destination] },
      ),
    ),
    ErrorCode.Invalid_Message,
  );
  // A ping whose body is a JoinReq's.
  const mixed = { ...ping, request: join.request, answer: ping.answer };
  const request = line.first.forwarding.request(
    mixed,
    { joiningPeerId: RESOURCE, overlayData: new Uint8Array(0) },
    { destinationList: [line.last.destination] },
  );
  const error = await t.throwsAsync(line.clock.runUntil(request), { instanceOf: ReloadError });
  t.is(error?.errorCode, ErrorCode.Invalid_Message);
  t.regex(Buffer.from(error!.errorInfo).toString(), /padding at byte/);
});

test('B8: what a handler throws becomes an error answer, and only its first answer counts', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  const answerOf = (handler: Parameters<typeof line.last.forwarding.handle<object, object>>[1]) => {
    line.last.forwarding.handle(ping, handler as never);
    return errorOf(line, sendPing(line));
  };
  t.is(
    await answerOf(() => {
      throw new RequestRefusal(ErrorCode.Forbidden, 'not you');
    }),
    ErrorCode.Forbidden,
  );
  t.is(
    await answerOf(async () => {
      throw new RequestRefusal(ErrorCode.Not_Found);
    }),
    ErrorCode.Not_Found,
  );
  t.is(
    await answerOf(() => {
      throw new TypeError('a bug');
    }),
    ErrorCode.Invalid_Message,
  );
  t.is(
    await answerOf((_request, context) => {
      context.fail(ErrorCode.In_Progress);
      context.respond({ responseId: 1n, time: 1 });
    }),
    ErrorCode.In_Progress,
  );
});

test('B9: registration certificates may sign a request in place of the own one', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  const signers: [string, string | undefined][] = [];
  line.last.forwarding.handle(ping, (_request, context) => {
    signers.push([context.signer.nodeId, context.signer.certificate.userNames[0]]);
    t.is(context.previousHop, line.first.nodeId);
    t.deepEqual(context.destination, line.last.destination);
    t.is(context.certificates.length, 1);
    context.respond({ responseId: 1n, time: 1 });
  });
  const { signer } = line.first.identity.registration('alice@line.example.org');
  const request = line.first.forwarding.request(ping, noPadding, {
    destinationList: [line.last.destination],
    signer,
  });
  await line.clock.runUntil(request);
  t.deepEqual(signers, [[line.first.nodeId, 'alice@line.example.org']]);
});

test('B8: a request with an unknown case in a select is discarded with no response, as if it did not parse', async (t) => {
  const line = new ForwardingLine({ length: 2 });
  line.last.forwarding.handle(attach, (_request, context) => context.fail(ErrorCode.Not_Found));
  const [host] = toCandidates([{ host: '192.0.2.1', port: 6084 }]);
  const offer = { ufrag: '', password: '', role: 'passive', candidates: [host!], sendUpdate: false };
  const body = encodeWhole(attach.request, offer);
  const candidateType = body.length - 4;
  t.is(body[candidateType], 1, 'host');
  const send = (type: number) => {
    const bytes = Uint8Array.from(body);
    bytes[candidateType] = type;
    return line.first.forwarding.request({ ...attach, request: remainder }, bytes, {
      destinationList: [line.last.destination],
    });
  };
  t.is(await errorOf(line, send(1)), ErrorCode.Not_Found);
  line.transits.length = 0;
  await t.throwsAsync(line.clock.runUntil(send(3)), { code: 'request-timeout' });
  t.is(line.transits.filter(({ from }) => from === 1).length, 0);
  t.is(dropped(line.last, 'malformed'), 1);
});

test('B3: over a long way the Via list is kept short, and the answer comes back all the same', async (t) => {
  const line = new ForwardingLine({ length: 30 });
  answerPings(line.last);
  const answer = await line.clock.runUntil(sendPing(line));
  t.is(answer.signer.nodeId, line.last.nodeId);
  const lengths = line.transits.slice(0, 29).map(({ bytes }) => decodeHeader(bytes).viaList.length);
  t.is(Math.max(...lengths), 11);
  t.is(line.transits.length, 58);
});
