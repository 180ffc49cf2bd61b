import test from 'ava';
import type { ConfigurationMismatch } from '../../../../src/reload/forwarding/configuration-sequence.ts';
import { ReloadError } from '../../../../src/reload/forwarding/reload-error.ts';
import { configUpdate } from '../../../../src/reload/messages/config-update.ts';
import { ErrorCode } from '../../../../src/reload/messages/error-response.ts';
import { ping } from '../../../../src/reload/messages/ping.ts';
import { ForwardingLine } from '../../../support/forwarding-line.ts';

const padding = { padding: new Uint8Array(0) };

/** A line whose last node refuses so many Pings with this error, and whose first node may mend that. */
function refusingLine(refusals: number, mended: boolean, errorCode: number = ErrorCode.Config_Too_Old) {
  const mismatches: ConfigurationMismatch[] = [];
  const transactions: bigint[] = [];
  const line = new ForwardingLine({
    length: 3,
    document: { sequence: 7 },
    options: {
      mendConfiguration: async (mismatch) => {
        mismatches.push(mismatch);
        return mended;
      },
    },
  });
  line.last.forwarding.handle(ping, (_, context) => {
    transactions.push(context.transactionId);
    if (transactions.length <= refusals) context.fail(errorCode);
    else context.respond({ responseId: 1n, time: 1 });
  });
  const { forwarding } = line.first;
  const ask = (options: { configurationSequence?: number } = {}) =>
    line.clock.runUntil(
      forwarding.request(ping, padding, { destinationList: [line.last.destination], ...options }),
    );
  return { line, mismatches, transactions, ask };
}

for (const name of ['Config_Too_Old', 'Config_Too_New', 'Unknown_Kind'] as const) {
  test(`B6, B22: a request refused with ${name} goes again with a new transaction once that is mended`, async (t) => {
    const { line, mismatches, transactions, ask } = refusingLine(1, true, ErrorCode[name]);
    t.is((await ask()).body.responseId, 1n);
    t.is(new Set(transactions).size, 2);
    const [mismatch] = mismatches;
    t.is(mismatch?.error.errorCode, ErrorCode[name]);
    t.is(mismatch?.error.nodeId, line.last.nodeId);
    t.is(mismatch?.sequence, 7);
    t.deepEqual(mismatch?.destinationList, [line.last.destination]);
    t.is(line.first.forwarding.pendingRequests, 0);
  });
}

test('B6: what cannot be mended fails with the error it was refused with', async (t) => {
  const { transactions, ask } = refusingLine(9, false);
  const error = await t.throwsAsync(ask(), { instanceOf: ReloadError });
  t.is(error?.errorCode, ErrorCode.Config_Too_Old);
  t.is(transactions.length, 1);
});

test('B6: nobody is asked for ever: three repetitions', async (t) => {
  const { transactions, mismatches, ask } = refusingLine(9, true);
  await t.throwsAsync(ask(), { instanceOf: ReloadError });
  t.is(transactions.length, 4);
  t.is(mismatches.length, 3);
});

test('B6: other errors, and requests with a sequence of their own, are not mended', async (t) => {
  const other = refusingLine(1, true, ErrorCode.Not_Found);
  await t.throwsAsync(other.ask(), { instanceOf: ReloadError });
  t.deepEqual(other.mismatches, []);
  const own = refusingLine(1, true);
  await t.throwsAsync(own.ask({ configurationSequence: 3 }), { instanceOf: ReloadError });
  t.deepEqual(own.mismatches, []);
});

test('B6: whoever gives a request up while it is being mended does not wait for that', async (t) => {
  const line = new ForwardingLine({ length: 2, options: { mendConfiguration: () => new Promise(() => {}) } });
  line.last.forwarding.handle(ping, (_, context) => context.fail(ErrorCode.Config_Too_Old));
  const abort = new AbortController();
  const { destination } = line.last;
  const asked = line.first.forwarding.request(ping, padding, {
    destinationList: [destination],
    signal: abort.signal,
  });
  line.clock.setTimer(1_000, () => abort.abort(new Error('enough')));
  await t.throwsAsync(line.clock.runUntil(asked), { message: 'enough' });
});

test('B6: a node behind us is told of with the way that leads back to it', async (t) => {
  const older: { nodeId: string; path: readonly unknown[] }[] = [];
  const line = new ForwardingLine({
    length: 4,
    document: { sequence: 5 },
    options: { onOlderConfiguration: (nodeId, path) => older.push({ nodeId, path }) },
  });
  line.last.forwarding.handle(configUpdate, (_, context) => context.respond({}));
  const { destination } = line.last;
  const behind = { destinationList: [destination], configurationSequence: 4 };
  await t.throwsAsync(line.clock.runUntil(line.first.forwarding.request(ping, padding, behind)));
  const [, second, third] = line.nodes;
  t.deepEqual(older, [
    { nodeId: line.first.nodeId, path: [third!.destination, second!.destination, line.first.destination] },
  ]);
});
