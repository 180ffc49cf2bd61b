import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { AckSender } from '../../../../src/reload/link/ack-sender.ts';
import { encodeAckFrame } from '../../../../src/reload/link/frame.ts';

/** A peer that reads only when it is told to. */
function setUp() {
  const clock = new VirtualClock();
  const owner = {
    sent: [] as number[],
    queuedBytes: 0,
    unread: 0,
    sendAck(frame: Buffer) {
      owner.sent.push(frame.readUInt32BE(1));
      owner.queuedBytes += frame.length;
    },
    onUnread() {
      owner.unread++;
    },
  };
  return { clock, owner, acks: new AckSender(clock, owner) };
}

test('B15: while the peer reads, each frame is acknowledged at once', (t) => {
  const { clock, owner, acks } = setUp();
  for (let i = 0; i < 5_000; i++) {
    acks.send(encodeAckFrame(i, 0));
    owner.queuedBytes = 0;
  }
  t.is(owner.sent.length, 5_000);
  t.is(clock.pendingTimers, 0);
});

test('B15: a peer that sends and does not read fills no memory with acks, and gets the newest when it reads', async (t) => {
  const { clock, owner, acks } = setUp();
  for (let i = 0; i < 100_000; i++) acks.send(encodeAckFrame(i, 0));
  const most = Math.ceil((16 * 1024) / 9) + 512;
  t.is(owner.sent.length, most - 1);
  await clock.advance(20_000);
  t.is(owner.sent.length, most - 1);
  owner.queuedBytes = 0;
  await clock.advance(100);
  t.is(owner.sent.at(-1), 99_999);
  t.is(clock.pendingTimers, 0);
  owner.queuedBytes = 0;
  acks.send(encodeAckFrame(100_000, 0));
  t.is(owner.sent.at(-1), 100_000);
});

test('B15: what else is written in the same turn holds no ack back', (t) => {
  const { clock, owner, acks } = setUp();
  for (let i = 0; i < 5_000; i++) {
    owner.queuedBytes = 10_000;
    acks.send(encodeAckFrame(i, 0));
  }
  t.is(owner.sent.length, 5_000);
  t.is(clock.pendingTimers, 0);
});

test('B15: a peer that reads nothing for 30 s is given up', async (t) => {
  const { clock, owner, acks } = setUp();
  for (let i = 0; i < 5_000; i++) acks.send(encodeAckFrame(i, 0));
  await clock.advance(29_000);
  t.is(owner.unread, 0);
  await clock.advance(2_000);
  t.is(owner.unread, 1);
  acks.stop();
  t.is(clock.pendingTimers, 0);
});
