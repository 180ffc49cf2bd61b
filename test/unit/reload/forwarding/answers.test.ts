import test from 'ava';
import { ReloadError } from '../../../../src/reload/forwarding/reload-error.ts';
import { seal } from '../../../../src/reload/forwarding/sealed-message.ts';
import { type Destination, toNode, toResource } from '../../../../src/reload/messages/destination.ts';
import { ErrorCode, errorResponse } from '../../../../src/reload/messages/error-response.ts';
import { decodeHeader, encodeWithHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { decodeEnvelope, encodeContents } from '../../../../src/reload/messages/message.ts';
import { ERROR_CODE } from '../../../../src/reload/messages/method.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import type { Signer } from '../../../../src/reload/security/signature.ts';
import { WILDCARD_NODE_ID } from '../../../../src/reload/wire/ids.ts';
import { ForwardingLine } from '../../../support/forwarding-line.ts';
import { withSeveralNodeIds } from '../../../support/several-node-ids.ts';

// What a requester makes of answers: RFC 6940 §§6.2.1, 6.3.2, 6.3.3, 6.3.4.

const noPadding = { padding: new Uint8Array(0) };
const pingAnswer = { responseId: 7n, time: 0 };

function pinging(length: number): ForwardingLine {
  const line = new ForwardingLine({ length });
  for (const { forwarding } of line.nodes)
    forwarding.handle(ping, (_request, context) => context.respond(pingAnswer));
  return line;
}

function send(line: ForwardingLine, destination: Destination, maxResponseLength = 0) {
  return line.first.forwarding.request(ping, noPadding, {
    destinationList: [destination],
    firstHop: line.nodes[1]!.nodeId,
    maxResponseLength,
  });
}

/** The last answer on its way to the first node becomes one of these contents and this signer. */
function replaceAnswers(line: ForwardingLine, signer: Signer, contents?: Uint8Array): void {
  line.intercept = ({ bytes, to }) => {
    if (to !== 0) return bytes;
    const header = decodeHeader(bytes);
    const { contentsBytes } = decodeEnvelope(bytes, header);
    const { overlay: overlayHash, transactionId } = header;
    const forged = seal(contents ?? contentsBytes, { overlayHash, transactionId, signer });
    return encodeWithHeader(header, forged.contents, forged.security);
  };
}

const errorContents = (errorCode: number) =>
  encodeContents(ERROR_CODE, errorResponse, { errorCode, errorInfo: new Uint8Array(0) });

const codeOf = (error: unknown) => (error instanceof ReloadError ? error.errorCode : error);

const dropped = (line: ForwardingLine, reason: string) =>
  line.first.metrics.value('reload_messages_dropped_total', { reason });

test('T6: where the answer had to be short, Incompatible_with_Overlay means Response_Too_Large as well', async (t) => {
  const line = pinging(2);
  const { signer } = line.last.identity;
  for (const [received, maxResponseLength, meaning] of [
    [ErrorCode.Incompatible_with_Overlay, 500, ErrorCode.Response_Too_Large],
    [ErrorCode.Response_Too_Large, 500, ErrorCode.Response_Too_Large],
    [ErrorCode.Incompatible_with_Overlay, 0, ErrorCode.Incompatible_with_Overlay],
    [ErrorCode.Not_Found, 500, ErrorCode.Not_Found],
  ] as const) {
    replaceAnswers(line, signer, errorContents(received));
    const request = line.clock.runUntil(send(line, line.last.destination, maxResponseLength));
    t.is(await request.catch(codeOf), meaning);
  }
});

test('B5: max_response_length counts the whole answer, its way back included', async (t) => {
  const line = pinging(2);
  await line.clock.runUntil(send(line, line.last.destination));
  const { length } = line.transits.at(-1)!.bytes;
  // Two ECDSA signatures may differ by a few bytes; an entry of the way back has 18.
  await t.notThrowsAsync(line.clock.runUntil(send(line, line.last.destination, length + 5)));
  const short = line.clock.runUntil(send(line, line.last.destination, length - 12));
  t.is(await short.catch(codeOf), ErrorCode.Response_Too_Large);
});

test('B8: an answer with a critical extension that is not known cannot be used; others are let be', async (t) => {
  const line = pinging(2);
  const extended = (critical: boolean) =>
    encodeContents(ping.answerCode, ping.answer, pingAnswer, [
      { type: 9, critical, contents: new Uint8Array(2) },
    ]);
  replaceAnswers(line, line.last.identity.signer, extended(true));
  const request = line.clock.runUntil(send(line, line.last.destination));
  await t.throwsAsync(request, { code: 'unknown-extension' });
  replaceAnswers(line, line.last.identity.signer, extended(false));
  const answer = await line.clock.runUntil(send(line, line.last.destination));
  t.is(answer.extensions.length, 1);
});

test('B9: of several Node-IDs in one certificate, the answer counts for the one that signed it', async (t) => {
  const line = pinging(2);
  const [first, second] = withSeveralNodeIds(line.last.identity, line.document.name);
  line.intercept = ({ bytes }) => {
    const header = decodeHeader(bytes);
    const { overlay: overlayHash, transactionId } = header;
    const contents = encodeContents(ping.answerCode, ping.answer, pingAnswer);
    const { security } = seal(contents, { overlayHash, transactionId, signer: second!.signer });
    const back = { ...header, destinationList: [line.first.destination] };
    line.clock.setTimer(5, () => line.inject(encodeWithHeader(back, contents, security), 1, 0));
    return undefined;
  };
  const toSecond = await line.clock.runUntil(send(line, toNode(second!.nodeId)));
  t.is(toSecond.signer.nodeId, second!.nodeId);
  const toFirst = line.clock.runUntil(send(line, toNode(first!.nodeId)));
  await t.throwsAsync(toFirst, { code: 'request-timeout' });
  t.is(dropped(line, 'answer-signer'), 5);
  // For a resource, the Node-ID that signed must be the plausible one.
  line.plausibleOwner = (nodeId) => nodeId === second!.nodeId;
  const owned = await line.clock.runUntil(send(line, toResource('ab'.repeat(16))));
  t.is(owned.signer.nodeId, second!.nodeId);
});

test('B9: anybody may answer what was sent to the wildcard', async (t) => {
  const line = pinging(2);
  const answer = await line.clock.runUntil(send(line, toNode(WILDCARD_NODE_ID)));
  t.is(answer.signer.nodeId, line.last.nodeId);
});

test('B2, B9: of the nodes on the way, only the first one may forbid, any may say that it cannot pass the message on', async (t) => {
  const line = pinging(4);
  const [, second, third] = line.nodes;
  replaceAnswers(line, third!.identity.signer, errorContents(ErrorCode.TTL_Exceeded));
  const tooFar = line.clock.runUntil(send(line, line.last.destination));
  t.is(await tooFar.catch(codeOf), ErrorCode.TTL_Exceeded);

  replaceAnswers(line, second!.identity.signer, errorContents(ErrorCode.Forbidden));
  const byFirst = line.clock.runUntil(send(line, line.last.destination));
  t.is(await byFirst.catch(codeOf), ErrorCode.Forbidden);

  replaceAnswers(line, third!.identity.signer, errorContents(ErrorCode.Forbidden));
  const bySecond = line.clock.runUntil(send(line, line.last.destination));
  await t.throwsAsync(bySecond, { code: 'request-timeout' });
  t.is(dropped(line, 'answer-signer'), 5);
});
