import test from 'ava';
import type { Connection } from '../../../../src/base/index.ts';
import type { MessageIntake } from '../../../../src/sip/transport/intake.ts';
import { QueuedBytes } from '../../../../src/sip/transport/queued-bytes.ts';
import { StreamFlow } from '../../../../src/sip/transport/stream-flow.ts';
import { UnfinishedBytes } from '../../../../src/sip/transport/unfinished-bytes.ts';

/** A connection to somebody who reads nothing, until it is destroyed. */
function deafConnection() {
  const state = { bufferedBytes: 0, isDestroyed: false };
  const connection: Connection = {
    local: { host: '10.0.0.1', port: 5060 },
    remote: { host: '10.0.0.2', port: 5060 },
    peerCertificates: [],
    get bufferedBytes() {
      return state.bufferedBytes;
    },
    setHandler() {},
    send(data) {
      state.bufferedBytes += data.length;
    },
    pause() {},
    resume() {},
    end() {},
    destroy() {
      state.isDestroyed = true;
      state.bufferedBytes = 0;
    },
  };
  return { state, connection };
}

function flowOver(
  connection: Connection,
  queued: QueuedBytes,
  unfinished = new UnfinishedBytes(),
): StreamFlow {
  const intake = {} as MessageIntake;
  const deps = { connection, intake, overload: undefined, now: () => 0, unfinished, queued };
  return new StreamFlow(deps, { id: 1, transport: 'WS' });
}

test('bounds: what is queued on a connection that ends counts until it is gone, and is given up like any other', (t) => {
  const queued = new QueuedBytes({ max: 300_000 });
  const [first, second, third] = [deafConnection(), deafConnection(), deafConnection()] as const;
  const ending = flowOver(first.connection, queued);
  ending.send(Buffer.alloc(200_000));
  ending.end();
  t.false(first.state.isDestroyed);
  flowOver(second.connection, queued).send(Buffer.alloc(150_000));
  t.true(first.state.isDestroyed, 'it held the most');
  t.false(second.state.isDestroyed);
  ending.onClose();
  flowOver(third.connection, queued).send(Buffer.alloc(140_000));
  t.false(second.state.isDestroyed);
});

test('bounds: parts of WebSocket messages count with the unfinished messages of all connections', (t) => {
  const unfinished = new UnfinishedBytes({ max: 200_000 });
  const queued = new QueuedBytes();
  const [first, second] = [deafConnection(), deafConnection()] as const;
  const one = flowOver(first.connection, queued, unfinished);
  one.onPart(60_000);
  one.onPart(120_000);
  const other = flowOver(second.connection, queued, unfinished);
  other.onPart(100_000);
  t.true(second.state.isDestroyed);
  t.false(other.open);
  t.true(one.open);
});
