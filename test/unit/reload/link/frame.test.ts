import test from 'ava';
import fc from 'fast-check';
import { encodeAckFrame, encodeDataFrame } from '../../../../src/reload/link/frame.ts';
import { FrameReader } from '../../../../src/reload/link/frame-reader.ts';
import { NOTHING_RECEIVED, noteReceived } from '../../../../src/reload/link/received-window.ts';

function reader(maxMessageBytes = 65_536) {
  const seen: string[] = [];
  const frames = new FrameReader({
    maxMessageBytes,
    onFrame: (frame) => seen.push(frame.toString('hex')),
    onOversized: (prefix, bytes) => seen.push(`oversized ${bytes}, ${prefix.length} kept`),
    onBadFrame: (type) => seen.push(`bad ${type}`),
  });
  return { frames, seen };
}

test('B15: data and ack frames have the layout of RFC 6940 §6.6.2', (t) => {
  t.is(encodeDataFrame(0x01020304, Buffer.from('RELO')).toString('hex'), '800102030400000452454c4f');
  t.is(encodeAckFrame(0xfffffffe, 0x80000002).toString('hex'), '81fffffffe80000002');
  t.is(encodeDataFrame(0, new Uint8Array(0)).toString('hex'), '8000000000000000');
});

test('B15: however a stream is cut, the same frames come out', (t) => {
  const message = fc.uint8Array({ maxLength: 300 });
  const frame = fc.oneof(
    fc.tuple(fc.nat(), message).map(([sequence, bytes]) => encodeDataFrame(sequence, bytes)),
    fc.tuple(fc.nat(), fc.nat()).map(([sequence, received]) => encodeAckFrame(sequence, received)),
  );
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 200 })),
      (sent, cuts) => {
        const { frames, seen } = reader();
        let stream = Buffer.concat(sent);
        for (const cut of cuts) {
          frames.push(Buffer.from(stream.subarray(0, cut)));
          stream = stream.subarray(cut);
        }
        for (const byte of stream) frames.push(Buffer.from([byte]));
        return JSON.stringify(seen) === JSON.stringify(sent.map((bytes) => bytes.toString('hex')));
      },
    ),
  );
  t.pass();
});

test('an incomplete frame is never delivered', (t) => {
  for (const whole of [encodeDataFrame(7, Buffer.from('hello')), encodeAckFrame(7, 1)]) {
    for (let length = 0; length < whole.length; length++) {
      const { frames, seen } = reader();
      frames.push(whole.subarray(0, length));
      t.deepEqual(seen, []);
    }
  }
});

test('a byte that begins no frame ends the reading, once', (t) => {
  const { frames, seen } = reader();
  frames.push(Buffer.concat([encodeAckFrame(1, 0), Buffer.from('GET / HTTP/1.1')]));
  frames.push(encodeAckFrame(2, 0));
  t.deepEqual(seen, ['810000000100000000', 'bad 71']);
});

test('B16: of a message beyond max-message-size a bounded prefix is kept and nothing after it is read', (t) => {
  const { frames, seen } = reader(1_000);
  frames.push(encodeDataFrame(0, Buffer.alloc(1_000)).subarray(0, 8));
  frames.push(Buffer.alloc(1_000));
  t.is(seen.length, 1);
  frames.push(encodeDataFrame(1, Buffer.alloc(100_000)).subarray(0, 5_000));
  t.is(seen.length, 1, 'waits for the forwarding header');
  frames.push(Buffer.alloc(4_000));
  frames.push(Buffer.alloc(4_000));
  t.deepEqual(seen.slice(1), ['oversized 100000, 8192 kept']);
  const short = reader(10);
  short.frames.push(encodeDataFrame(0, Buffer.alloc(11)));
  t.deepEqual(short.seen, ['oversized 11, 11 kept']);
});

test('B15: received marks which of the 32 frames before it have come', (t) => {
  const window = { highestReceived: NOTHING_RECEIVED, receivedBits: 0 };
  const bits = (...distances: number[]) => distances.reduce((mask, bit) => mask + 2 ** bit, 0);
  t.is(noteReceived(window, 0), 0);
  t.is(noteReceived(window, 1), bits(1));
  t.is(noteReceived(window, 2), bits(1, 2));
  t.is(noteReceived(window, 5), bits(3, 4, 5));
  t.is(noteReceived(window, 4), bits(2, 3, 4), 'only lower numbers count');
  t.is(noteReceived(window, 100), 0, 'all others are 32 or more away');
  t.is(noteReceived(window, 131), bits(31));
  t.is(noteReceived(window, 132), bits(1), 'M must be greater than N-32');
});

test('B15: after 32 frames in a row bits 1 to 31 are set, across the wrap of the sequence', (t) => {
  const window = { highestReceived: NOTHING_RECEIVED, receivedBits: 0 };
  let received = 0;
  for (let count = 0; count < 200; count++) received = noteReceived(window, (0xffffff80 + count) >>> 0);
  t.is(received, 0xfffffffe);
});
