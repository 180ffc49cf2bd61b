import test from 'ava';
import fc from 'fast-check';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { seal } from '../../src/reload/forwarding/sealed-message.ts';
import { toNode, toResource } from '../../src/reload/messages/destination.ts';
import { ErrorCode, errorResponse } from '../../src/reload/messages/error-response.ts';
import {
  encodeWithHeader,
  type HeaderFields,
  WHOLE_MESSAGE,
} from '../../src/reload/messages/forwarding-header.ts';
import { encodeContents } from '../../src/reload/messages/message.ts';
import { ERROR_CODE } from '../../src/reload/messages/method.ts';
import { createSelfSignedIdentity } from '../../src/reload/security/identity.ts';
import { overlayHashOf } from '../../src/reload/wire/ids.ts';
import { methodBodies } from '../support/message-bodies.ts';
import { requirePrograms } from '../support/programs.ts';
import { frames } from '../support/reload-frames.ts';
import { checkFrames } from '../support/wirecheck.ts';

// Wireshark's RELOAD dissector, which we did not write, reads what we encode.

const OVERLAY = 'wire.example.org';
const SAMPLES = 5;
const SEED = 6940;

const { signer } = createSelfSignedIdentity(
  { clock: new VirtualClock(), random: new SeededRandom(SEED) },
  { overlay: OVERLAY },
);

const header: HeaderFields = {
  overlay: overlayHashOf(OVERLAY),
  configurationSequence: 0,
  ttl: 100,
  fragment: WHOLE_MESSAGE,
  transactionId: 0x0123_4567_89ab_cdefn,
  maxResponseLength: 0,
  viaList: [],
  destinationList: [toNode('01'.repeat(16))],
  options: [],
};

function message(contents: Uint8Array, fields: Partial<HeaderFields> = {}): string {
  const { overlay: overlayHash, transactionId } = header;
  const sealed = seal(contents, { overlayHash, transactionId, signer });
  const bytes = encodeWithHeader({ ...header, ...fields }, sealed.contents, sealed.security);
  return Buffer.from(bytes).toString('hex');
}

test('B34: tshark reads a request and an answer of every method as we mean them', async (t) => {
  if (!requirePrograms(t, 'tshark', 'text2pcap')) return;
  const named = methodBodies.flatMap(({ method, requests, answers }) => [
    ...fc.sample(requests, { numRuns: SAMPLES, seed: SEED }).map((body) => ({
      name: `${method.name} request`,
      line: message(encodeContents(method.requestCode, method.request, body)),
    })),
    ...fc.sample(answers, { numRuns: SAMPLES, seed: SEED }).map((body) => ({
      name: `${method.name} answer`,
      line: message(encodeContents(method.answerCode, method.answer, body)),
    })),
  ]);
  const verdicts = await checkFrames(named.map(({ line }) => line));
  for (const [i, verdict] of verdicts.entries())
    t.regex(verdict, /^ok /, `${named[i]!.name}: ${named[i]!.line}`);
});

test('B8, B3, B7: tshark reads errors, lists, options and extensions as we mean them', async (t) => {
  if (!requirePrograms(t, 'tshark', 'text2pcap')) return;
  const errorInfo = Buffer.from('what went wrong');
  const errors = Object.values(ErrorCode)
    .filter(
      (errorCode) =>
        errorCode !== ErrorCode.Generation_Counter_Too_Low && errorCode !== ErrorCode.Unknown_Kind,
    )
    .map((errorCode) => message(encodeContents(ERROR_CODE, errorResponse, { errorCode, errorInfo })));
  const ping = methodBodies.find(({ method }) => method.name === 'ping')!.method;
  const contents = encodeContents(ping.requestCode, ping.request, { padding: errorInfo }, [
    { type: 0x1234, critical: false, contents: errorInfo },
  ]);
  const headers = [
    { destinationList: [toResource('ab'.repeat(16))] },
    { destinationList: [toNode('02'.repeat(16)), toResource('ab'.repeat(16))] },
    { viaList: [toNode('03'.repeat(16)), { type: 'compressed', value: 0x8005 } as const] },
    { destinationList: [{ type: 'opaque', bytes: Buffer.from('010203', 'hex') } as const] },
    { options: [{ type: 0x42, flags: 4, value: errorInfo }] },
  ].map((fields) => message(contents, fields));
  for (const verdict of await checkFrames([...errors, ...headers])) t.regex(verdict, /^ok /);
});

test('the 49 frames of another implementation pass the same check', async (t) => {
  if (!requirePrograms(t, 'tshark', 'text2pcap')) return;
  const verdicts = await checkFrames(frames.map(({ bytes }) => bytes.toString('hex')));
  for (const [i, verdict] of verdicts.entries()) t.regex(verdict, /^ok /, frames[i]!.name);
});
