import test from 'ava';
import { CallList } from '../../../../src/gateway/calls/call-list.ts';
import type { TracedPacket } from '../../../../src/gateway/trace/trace-hub.ts';

const phone = { host: '192.0.2.1', port: 5060 };
const local = { host: '192.0.2.9', port: 5060 };
const BEGIN = 1_800_000_000_000;

/** A SIP message of a call with this Call-ID: `line` is its first one, `from` and `to` have the tags. */
function sip(
  callId: string,
  direction: 'in' | 'out',
  line: string,
  options: { at?: number; cseq?: string; from?: string; to?: string; more?: string } = {},
): TracedPacket {
  const { at = 0, from = 'a', to, cseq = line.split(' ')[0], more = '' } = options;
  const toTag = to === undefined ? '' : `;tag=${to}`;
  const text = `${line}\r\nFrom: "A" <sip:alice@example.org>;tag=${from}\r\nt: <sip:bob@example.org>${toTag}\r\nCall-ID: ${callId}\r\nCSeq: 1 ${cseq}\r\n${more}\r\n`;
  return {
    protocol: 'sip',
    direction,
    at: BEGIN + at,
    path: { transport: 'UDP', local, remote: phone },
    traceId: callId,
    ...(direction === 'in' && { method: line.split(' ')[0] }),
    bytes: Buffer.from(text),
  };
}

const INVITE = 'INVITE sip:bob@example.org SIP/2.0';
const whole = { offset: 0, limit: 100, match: '' };

test('a call from its challenge to the BYE: states, times, who ended it', (t) => {
  const calls = new CallList({ keep: 10 });
  const state = () => calls.page(whole).items[0]?.state;
  calls.observe(sip('c', 'in', INVITE));
  t.is(state(), 'calling');
  calls.observe(sip('c', 'out', 'SIP/2.0 407 Proxy Authentication Required', { cseq: 'INVITE', to: 'x' }));
  t.is(state(), 'over');
  calls.observe(sip('c', 'in', INVITE, { at: 5 }));
  t.is(state(), 'calling');
  calls.observe(sip('c', 'out', 'SIP/2.0 180 Ringing', { at: 20, cseq: 'INVITE', to: 'b' }));
  t.is(state(), 'ringing');
  calls.observe(sip('c', 'out', 'SIP/2.0 200 OK', { at: 1500, cseq: 'INVITE', to: 'b' }));
  t.like(calls.page(whole), { running: 1, kept: 0 });
  // A re-INVITE that fails ends nothing.
  calls.observe(sip('c', 'in', INVITE, { at: 1600, to: 'b' }));
  calls.observe(sip('c', 'out', 'SIP/2.0 488 Not Acceptable Here', { at: 1601, cseq: 'INVITE', to: 'b' }));
  t.is(state(), 'talking');
  calls.observe(sip('c', 'in', 'BYE sip:alice@192.0.2.1 SIP/2.0', { at: 9000, from: 'b', to: 'a' }));
  const iso = (ms: number) => new Date(BEGIN + ms).toISOString();
  t.like(calls.page(whole), { running: 0, kept: 1 });
  t.like(calls.page(whole).items[0], {
    ...{ from: 'alice@example.org', to: 'bob@example.org', state: 'over', status: 200 },
    ...{ begin: iso(0), ringing: iso(20), answer: iso(1500), end: iso(9000), endedBy: 'callee', messages: 8 },
  });
});

test('the ladder has SIP and RELOAD messages in their order, without what proves or encrypts', (t) => {
  const calls = new CallList({ keep: 10 });
  const more = [
    'Proxy-Authorization: Digest username="alice", nonce="abc", response="0123456789abcdef"',
    'Authorization: Bearer very-secret',
    '',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20',
  ].join('\r\n');
  calls.observe(sip('c', 'in', INVITE, { more }));
  const path = { transport: 'TLS', local, remote: phone, peer: 'ab'.repeat(16) };
  const reload = { protocol: 'reload', direction: 'out', at: BEGIN + 2, path } as const;
  calls.observe({ ...reload, traceId: 'c', bytes: Buffer.from('no RELOAD') });
  const { steps, leftOut } = calls.detail('1')!;
  t.is(leftOut, 0);
  t.like(steps[0], { protocol: 'sip', direction: 'in', ms: 0, address: '192.0.2.1:5060', label: 'INVITE' });
  t.like(steps[1], { protocol: 'reload', ms: 2, peer: 'ab'.repeat(16), label: 'unreadable' });
  t.regex(steps[0]!.text!, /username="alice"/);
  t.notRegex(steps[0]!.text!, /0123456789abcdef|very-secret|c2VjcmV0/);
});

test('bounds: calls that are over, calls begun in a second, messages and text of one call', (t) => {
  const calls = new CallList({ keep: 2 });
  for (const id of ['1', '2', '3']) {
    calls.observe(sip(id, 'in', INVITE));
    calls.observe(sip(id, 'out', 'SIP/2.0 486 Busy Here', { cseq: 'INVITE', to: 'b' }));
  }
  t.deepEqual(
    calls.page(whole).items.map(({ callId }) => callId),
    ['3', '2'],
  );
  for (let i = 0; i < 30; i++) calls.observe(sip(`burst-${i}`, 'in', INVITE, { at: 2000 }));
  t.like(calls.page(whole), { running: 20, kept: 2, passedBy: 10 });
  for (let i = 0; i < 150; i++)
    calls.observe(sip('burst-0', 'in', 'INFO sip:b@x SIP/2.0', { more: 'x'.repeat(9000) }));
  const [found] = calls.page({ ...whole, match: 'BURST-0' }).items;
  const detail = calls.detail(found!.id)!;
  t.is(detail.steps.length, 100);
  t.is(detail.leftOut, 51);
  t.is(detail.messages, 151);
  t.true(detail.steps.every(({ text }) => text!.length <= 4096));
});

test('at most 1,000 calls are in progress: the oldest is forgotten; changes are told once', (t) => {
  const calls = new CallList({ keep: 2 });
  for (let i = 0; i < 1005; i++) calls.observe(sip(`c${i}`, 'in', INVITE, { at: i * 100 }));
  t.is(calls.running, 1000);
  t.is(calls.page({ ...whole, limit: 2000, match: 'c4' }).items.at(-1)?.callId, 'c40');
  const { version } = calls;
  t.deepEqual(calls.changedSince(version, 10), []);
  calls.observe(sip('c1000', 'out', 'SIP/2.0 180 Ringing', { cseq: 'INVITE', to: 'b' }));
  t.deepEqual(
    calls.changedSince(version, 10).map(({ callId, state }) => [callId, state]),
    [['c1000', 'ringing']],
  );
});

test('what belongs to no call that is kept is passed over', (t) => {
  const calls = new CallList({ keep: 2 });
  calls.observe(sip('c', 'out', 'SIP/2.0 200 OK', { cseq: 'REGISTER' }));
  calls.observe(sip('c', 'in', 'BYE sip:x@y SIP/2.0', { to: 'b' }));
  calls.observe(sip('c', 'in', INVITE, { to: 'in-dialog' }));
  calls.observe({ ...sip('c', 'in', INVITE), traceId: undefined });
  t.deepEqual(calls.page(whole), { running: 0, kept: 0, passedBy: 0, items: [] });
});
