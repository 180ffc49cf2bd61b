// A program: sends INVITEs that were made beforehand as fast as it is told, and reads no answer.
// Arguments: source address, target port, user to call, requests a second, seconds. Prints how many it has sent.
import dgram from 'node:dgram';
import { once } from 'node:events';

const [source = '', port, user = '', rate = '', seconds = ''] = process.argv.slice(2);
const PREBUILT = 20_000;
const TICK_MS = 5;
const SDP = [
  'v=0',
  `o=- 1 1 IN IP4 ${source}`,
  's=-',
  `c=IN IP4 ${source}`,
  't=0 0',
  'm=audio 6000 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n');

const socket = dgram.createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
const listening = once(socket, 'listening');
socket.bind(0, source);
await listening;
const own = `${source}:${socket.address().port}`;
const invites = Array.from({ length: PREBUILT }, (_, i) =>
  Buffer.from(
    [
      `INVITE sip:${user}@example.org SIP/2.0`,
      `Via: SIP/2.0/UDP ${own};branch=z9hG4bK-${process.pid}-${i}`,
      'Max-Forwards: 70',
      `From: <sip:blaster@example.org>;tag=${i}`,
      `To: <sip:${user}@example.org>`,
      `Call-ID: ${process.pid}-${i}@${source}`,
      'CSeq: 1 INVITE',
      `Contact: <sip:blaster@${own}>`,
      'Content-Type: application/sdp',
      `Content-Length: ${SDP.length}`,
      '',
      SDP,
    ].join('\r\n'),
  ),
);

const started = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const elapsedS = (performance.now() - started) / 1000;
  // What the machine has kept us from sending is not made up for in one burst.
  const due = Math.min(Math.floor(Number(rate) * Math.min(elapsedS, Number(seconds))), sent + 1_000);
  for (; sent < due; sent++) socket.send(invites[sent % PREBUILT]!, Number(port), '127.0.0.1');
  if (elapsedS < Number(seconds)) return;
  clearInterval(timer);
  socket.close();
  process.stdout.write(`${sent}\n`);
}, TICK_MS);
