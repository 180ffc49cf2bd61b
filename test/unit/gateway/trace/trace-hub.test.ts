import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { callIdOf } from '../../../../src/gateway/trace/call-id.ts';
import { type TracedPacket, TraceHub } from '../../../../src/gateway/trace/trace-hub.ts';
import { parseMessage } from '../../../../src/sip/message/parser.ts';

const path = {
  transport: 'UDP',
  local: { host: '127.0.0.1', port: 5060 },
  remote: { host: '127.0.0.1', port: 40_000 },
};
const text = (callId: string) =>
  Buffer.from(`OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n${callId}\r\nCSeq: 1 OPTIONS\r\n\r\n`);

/** A RELOAD message as far as the trace looks: RFC 6940 §6.3.2 has the transaction id after 20 bytes. */
function reloadMessage(transactionId: bigint): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeBigUInt64BE(transactionId, 20);
  return bytes;
}

test('RFC 3261 §7.3: the Call-ID is found under both of its names, in any case, in the head alone', (t) => {
  t.is(callIdOf(text('Call-ID: one@host')), 'one@host');
  t.is(callIdOf(text('i:two')), 'two');
  t.is(callIdOf(text('call-id \t: three')), 'three');
  t.is(callIdOf(text('Subject: none')), undefined);
  t.is(callIdOf(Buffer.from('OPTIONS sip:a@b SIP/2.0\r\nTo: x\r\n\r\ni: body\r\n')), undefined);
});

test('SIP and RELOAD messages of one call come with one trace id, each with its time and the bytes of the wire', (t) => {
  const clock = new VirtualClock();
  const hub = new TraceHub({ clock });
  const packets: TracedPacket[] = [];
  const stop = hub.observe((packet) => packets.push(packet));
  const invite = text('Call-ID: c1');

  hub.sip.received(parseMessage(Buffer.concat([invite]), { datagram: true }), path);
  hub.reload.begun(7n, 'c1');
  hub.reload.message('out', 'aa', reloadMessage(7n), { ...path, peer: 'aa' });
  hub.reload.message('in', 'bb', reloadMessage(8n), { ...path, peer: 'bb' });
  hub.sip.sent(text('i: c1'), path);
  hub.sip.sent(text('Call-ID: c2'), path, 'known to the sender');
  stop();
  hub.sip.sent(invite, path);

  t.deepEqual(
    packets.map(({ protocol, direction, traceId, at }) => [protocol, direction, traceId, at]),
    [
      ['sip', 'in', 'c1', clock.now()],
      ['reload', 'out', 'c1', clock.now()],
      ['reload', 'in', undefined, clock.now()],
      ['sip', 'out', 'c1', clock.now()],
      ['sip', 'out', 'known to the sender', clock.now()],
    ],
  );
  t.true(
    Buffer.from(packets[0]!.bytes)
      .toString()
      .startsWith('OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nCall-ID: c1'),
  );
});
