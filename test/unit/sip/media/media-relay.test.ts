import test from 'ava';
import { Event } from '../../../../src/base/event.ts';
import { silentLogger } from '../../../../src/base/index.ts';
import { MediaRelay } from '../../../../src/sip/media/media-relay.ts';
import type { NgAnswer, NgCommand } from '../../../../src/sip/media/ng-client.ts';
import { parseMessage } from '../../../../src/sip/message/parser.ts';
import type { SipRequest } from '../../../../src/sip/message/request.ts';
import type { SipResponse } from '../../../../src/sip/message/response.ts';
import type { Flow } from '../../../../src/sip/transport/flow.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';

const rtp = (host = '192.0.2.1') => `v=0\r\nc=IN IP4 ${host}\r\nm=audio 4000 RTP/AVP 0\r\n`;
const webrtc = 'v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 AB\r\n';

interface Fields {
  sdp?: string | undefined;
  toTag?: string;
  fromTag?: string;
  uri?: string;
}

function head({ fromTag = 'f', toTag }: Fields, cseq: string): string {
  const to = toTag === undefined ? '' : `;tag=${toTag}`;
  return `Via: SIP/2.0/UDP x;branch=z9hG4bKx\r\nFrom: <sip:a@x>;tag=${fromTag}\r\nTo: <sip:b@x>${to}\r\nCall-ID: c1\r\nCSeq: 1 ${cseq}\r\n`;
}

function body(sdp: string | undefined): string {
  return sdp === undefined
    ? 'Content-Length: 0\r\n\r\n'
    : `Content-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`;
}

function request(method: string, fields: Fields = {}): SipRequest {
  const text = `${method} ${fields.uri ?? 'sip:b@192.0.2.2'} SIP/2.0\r\n${head(fields, method)}${body(fields.sdp)}`;
  return parseMessage(Buffer.from(text, 'latin1'), { datagram: true }) as SipRequest;
}

function response(status: number, fields: Fields = {}, method = 'INVITE'): SipResponse {
  const text = `SIP/2.0 ${status} X\r\n${head(fields, method)}${body(fields.sdp)}`;
  return parseMessage(Buffer.from(text, 'latin1'), { datagram: true }) as SipResponse;
}

function flow(host: string, transport: Flow['transport'] = 'UDP', peer?: string): Flow {
  return {
    ...{ id: 1, transport, reliable: transport !== 'UDP', listener: undefined, peer, open: true },
    ...{ local: { host: '192.0.2.9', port: 5060 }, remote: { host, port: 5060 } },
    closed: new Event<Error | undefined>(),
    send() {},
  };
}

const alice = flow('192.0.2.1');
const bob = flow('192.0.2.2');
const browser = flow('192.0.2.3', 'WSS');
const peer = flow('192.0.2.4', 'TLS', 'ab'.repeat(16));

/** A relay that answers each description with its number. */
function scene(policy: 'nat' | 'always' = 'always', works = () => true) {
  const commands: NgCommand[] = [];
  const metrics = new CountingMetrics();
  const relay = {
    async request(command: NgCommand): Promise<NgAnswer> {
      commands.push(command);
      if (!works()) throw new Error('silent');
      return { result: 'ok', sdp: `relayed ${commands.length}` };
    },
  };
  const media = new MediaRelay({ relay, logger: silentLogger, metrics }, { policy, callPrefix: 'p' });
  return { media, commands, metrics };
}

const text = (message: SipRequest | SipResponse) => Buffer.from(message.body).toString();
const ends = (from: Flow, to: Flow, branch = 'z9hG4bK1') => ({ from, to, branch });

test('an offer and its answer go by the relay, with the tags and the branch of the call', async (t) => {
  const { media, commands } = scene();
  const invite = request('INVITE', { sdp: rtp() });
  const leg = await media.request(invite, ends(alice, bob))!;
  t.is(text(invite), 'relayed 1');
  t.like(commands[0], {
    ...{ command: 'offer', 'call-id': 'p-c1', 'from-tag': 'f', 'via-branch': 'z9hG4bK1', ICE: 'remove' },
    ...{ sdp: rtp(), 'received-from': ['IP4', '192.0.2.1'] },
  });
  const ok = response(200, { sdp: rtp('192.0.2.2'), toTag: 't' });
  await leg.response(ok);
  t.is(text(ok), 'relayed 2');
  t.like(commands[1], { command: 'answer', 'from-tag': 'f', 'to-tag': 't', 'via-branch': 'z9hG4bK1' });
});

test('RFC 3261 §13.3.1.4: a 2xx that is sent again carries the same description, the relay is asked once', async (t) => {
  const { media, commands } = scene();
  const leg = await media.request(request('INVITE', { sdp: rtp() }), ends(alice, bob))!;
  const oks = [1, 2, 3].map(() => response(200, { sdp: rtp('192.0.2.2'), toTag: 't' }));
  await Promise.all(oks.map((ok) => leg.response(ok)));
  t.deepEqual(oks.map(text), ['relayed 2', 'relayed 2', 'relayed 2']);
  t.is(commands.length, 2);
});

test('RFC 3264, RFC 3261 §13.2.1: an offer in the 2xx is answered in the ACK', async (t) => {
  const { media, commands } = scene();
  const leg = await media.request(request('INVITE'), ends(alice, bob))!;
  t.is(commands.length, 0);
  await leg.response(response(200, { sdp: rtp('192.0.2.2'), toTag: 't' }));
  t.like(commands[0], { command: 'offer', 'from-tag': 't' });
  const ack = request('ACK', { sdp: rtp(), toTag: 't' });
  await media.ack(ack);
  t.like(commands[1], { command: 'answer', 'from-tag': 't', 'to-tag': 'f' });
  t.is(text(ack), 'relayed 2');
  t.is(media.ack(request('ACK', { toTag: 't' })), undefined);
});

test('within a dialog both sides may offer anew; a BYE ends the call at the relay', async (t) => {
  const { media, commands } = scene();
  const leg = await media.request(request('INVITE', { sdp: rtp() }), ends(alice, bob))!;
  await leg.response(response(200, { sdp: rtp('192.0.2.2'), toTag: 't' }));
  const again = await media.request(
    request('INVITE', { sdp: rtp('192.0.2.2'), fromTag: 't', toTag: 'f' }),
    ends(bob, alice),
  )!;
  t.like(commands[2], { command: 'offer', 'from-tag': 't', 'to-tag': 'f', 'via-branch': undefined });
  again.failed();
  t.is(commands.length, 3, 'a refused re-INVITE does not end the call');
  t.is(media.request(request('BYE', { toTag: 't' }), ends(alice, bob)), undefined);
  t.like(commands[3], { command: 'delete', 'call-id': 'p-c1', 'from-tag': 'f' });
  media.request(request('BYE', { toTag: 't' }), ends(alice, bob));
  t.is(commands.length, 4);
});

test('a copy without success is forgotten, once; the others and a call that was answered are not', async (t) => {
  const { media, commands } = scene();
  const one = await media.request(request('INVITE', { sdp: rtp() }), ends(alice, bob, 'b1'))!;
  const other = await media.request(request('INVITE', { sdp: rtp() }), ends(alice, bob, 'b2'))!;
  one.failed();
  one.failed();
  t.deepEqual(
    commands.filter(({ command }) => command === 'delete').map((each) => each['via-branch']),
    ['b1'],
  );
  await other.response(response(200, { sdp: rtp('192.0.2.2'), toTag: 't' }));
  other.failed();
  t.is(commands.filter(({ command }) => command === 'delete').length, 1);
});

test('RFC 8827: between a browser and a plain phone the media is translated, both ways, whatever the policy', async (t) => {
  const { media, commands } = scene('nat');
  const leg = await media.request(request('INVITE', { sdp: webrtc }), ends(browser, bob))!;
  t.like(commands[0], { 'transport-protocol': 'RTP/AVP', ICE: 'remove', 'rtcp-mux': ['demux'] });
  await leg.response(response(200, { sdp: rtp('192.0.2.2'), toTag: 't' }));
  t.like(commands[1], { command: 'answer', ICE: 'force' });
  await media.request(
    request('INVITE', { sdp: rtp('192.0.2.2'), fromTag: 't', toTag: 'f' }),
    ends(bob, peer),
  );
  t.like(commands[2], { 'transport-protocol': 'UDP/TLS/RTP/SAVPF', ICE: 'force' });

  const towards = scene('nat');
  await towards.media.request(request('INVITE', { sdp: rtp() }), ends(peer, browser));
  t.like(towards.commands[0], { 'transport-protocol': 'UDP/TLS/RTP/SAVPF', ICE: 'force', SDES: ['off'] });
  t.is(towards.commands[0]!['received-from'], undefined);
});

test('nat: only calls that would have no sound otherwise', (t) => {
  const relayed = (from: Flow, to: Flow, sdp: string, uri?: string) =>
    scene('nat').media.request(
      request('INVITE', { sdp, ...(uri !== undefined && { uri }) }),
      ends(from, to),
    ) !== undefined;
  t.false(relayed(alice, bob, rtp()));
  t.true(relayed(alice, bob, rtp('10.0.0.1')), 'the caller says a private address');
  t.true(relayed(alice, bob, rtp(), 'sip:b@10.0.0.2:5060'), 'the callee registered a private address');
  t.false(relayed(peer, bob, rtp('10.0.0.1')), 'the peer of that phone knows better');
  t.false(relayed(alice, peer, rtp(), 'sip:b@example.org'));
  t.false(relayed(browser, flow('192.0.2.8', 'WS'), webrtc));
  t.false(relayed(browser, peer, webrtc), 'the peer of the callee knows what he has');
});

test('a relay that fails costs nothing but its help; where nothing is heard without it the call fails', async (t) => {
  const { media, metrics } = scene('always', () => false);
  const invite = request('INVITE', { sdp: rtp() });
  const leg = await media.request(invite, ends(alice, bob))!;
  t.is(text(invite), rtp());
  const ok = response(200, { sdp: rtp('192.0.2.2'), toTag: 't' });
  await leg.response(ok);
  t.is(text(ok), rtp('192.0.2.2'));
  t.is(metrics.value('sip_media_failures_total'), 2);
  await t.throwsAsync(media.request(request('INVITE', { sdp: webrtc }), ends(browser, bob))!);
});

test('what is not about media, and calls that nobody relayed, are left alone', (t) => {
  const { media, commands } = scene();
  t.is(media.request(request('OPTIONS'), ends(alice, bob)), undefined);
  t.is(media.request(request('MESSAGE', { sdp: rtp() }), ends(alice, bob)), undefined);
  t.is(media.request(request('INVITE', { sdp: rtp(), toTag: 't' }), ends(alice, bob)), undefined);
  t.is(media.request(request('BYE', { toTag: 't' }), ends(alice, bob)), undefined);
  t.deepEqual(commands, []);
});
