import { readFileSync } from 'node:fs';
import { Bench } from 'tinybench';
import { systemClock, systemRandom } from '../dist/net/index.js';
import { builtInDocument } from '../dist/reload/document/overlay-document.js';
import { decodeHeader, rewriteHeader } from '../dist/reload/messages/forwarding-header.js';
import { decodeMessage, encodeMessage } from '../dist/reload/messages/message.js';
import { createSelfSignedIdentity } from '../dist/reload/security/identity.js';
import { verifySignature } from '../dist/reload/security/signature.js';
import { parseMessage } from '../dist/sip/message/parser.js';

const sdp = ['v=0', 'o=uac 53655765 2353687637 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
const invite = Buffer.from(
  [
    'INVITE sip:bob@example.org SIP/2.0',
    'Via: SIP/2.0/UDP 127.0.0.1:25060;branch=z9hG4bK-7326-1-0',
    'Max-Forwards: 70',
    'From: "Alice" <sip:alice@example.org>;tag=7326c1',
    'To: <sip:bob@example.org>',
    'Call-ID: 1-7326@127.0.0.1',
    'CSeq: 1 INVITE',
    'Contact: <sip:alice@127.0.0.1:25060>',
    'User-Agent: bench',
    'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE',
    'Content-Type: application/sdp',
    `Content-Length: ${sdp.join('\r\n').length + 2}`,
    '',
    ...sdp,
    '',
  ].join('\r\n'),
);

/** Codecs, parser and signatures by themselves, one operation each; gives `{name, perSecond, rme}` a line. */
export async function microBenchmarks({ timeMs }) {
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4 });
  addSip(bench);
  addReload(bench);
  for (const keyType of ['ec', 'rsa']) addSignatures(bench, keyType);
  await bench.run();
  return bench.tasks.map(({ name, result }) => ({
    name,
    perSecond: Math.round(result.throughput.mean),
    rme: result.throughput.rme,
  }));
}

function addSip(bench) {
  bench.add('SIP: parse an INVITE, read what a proxy reads', () => {
    const request = parseMessage(invite, { datagram: true });
    return [request.topVia, request.cseq, request.callId, request.maxForwards, request.uri.host];
  });
  bench.add('SIP: parse, add Via and Record-Route, decrement, encode', () => {
    const request = parseMessage(invite, { datagram: true });
    request.setHeader('Max-Forwards', String((request.maxForwards ?? 70) - 1));
    request.prependHeader('Record-Route', '<sip:0123456789abcdef@127.0.0.1:5060;lr>');
    request.prependHeader('Via', 'SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK0123456789abcdef;rport');
    return request.encode();
  });
}

function addReload(bench) {
  const fixture = new URL('../test/fixtures/reload-frames/messages.hex', import.meta.url);
  const lines = readFileSync(fixture, 'utf8').split('\n');
  const store = Buffer.from(lines.find((line) => line.endsWith('# StoreReqSip')).split(' ')[0], 'hex');
  const { kinds } = builtInDocument('overlay.example.org');
  const decoded = decodeMessage(store, { kinds });
  bench.add('RELOAD: decode a Store', () => decodeMessage(store, { kinds }));
  bench.add('RELOAD: encode a Store', () => encodeMessage(decoded));
  bench.add('RELOAD: forward a message (header only)', () => {
    const header = decodeHeader(store);
    return rewriteHeader(store, header, {
      ttl: header.ttl - 1,
      viaList: header.destinationList,
      destinationList: header.destinationList,
    });
  });
}

function addSignatures(bench, keyType) {
  const identity = createSelfSignedIdentity(
    { clock: systemClock, random: systemRandom },
    { overlay: 'example.org', keyType },
  );
  const parts = [Buffer.alloc(400, 1)];
  const name = keyType.toUpperCase();
  const signature = identity.signer.sign(parts);
  bench.add(`${name}: sign a message`, () => identity.signer.sign(parts));
  bench.add(`${name}: verify a message`, () => verifySignature(signature, parts, identity.signer));
  bench.add(`${name}: registration certificate`, () => identity.registration('alice@example.org'));
}
