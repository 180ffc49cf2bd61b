// floor.js PORT: what datagrams and strings cost any SIP server in Node by themselves. REGISTER is answered from a map,
// requests are forwarded with a Via pushed, responses with it popped; no transactions, no checks, loopback only.
import dgram from 'node:dgram';

const port = Number(process.argv[2]);
const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
const contacts = new Map();
let branches = 0;

function header(message, name) {
  const start = message.indexOf(`\r\n${name}: `);
  if (start < 0) return '';
  return message.slice(start + name.length + 4, message.indexOf('\r\n', start + 2));
}

function send(message, to) {
  const [host, targetPort] = to.split(':');
  const bytes = Buffer.from(message, 'latin1');
  socket.send(bytes, 0, bytes.length, Number(targetPort), host);
}

function forwardResponse(message) {
  const via = message.indexOf('\r\nVia: ');
  const end = message.indexOf('\r\n', via + 2);
  const comma = message.indexOf(',', via); // several Vias in one line, as SIPp writes them
  const oneOfSeveral = comma > 0 && comma < end;
  const rest = oneOfSeveral
    ? message.slice(0, via + 7) + message.slice(comma + 1).trimStart()
    : message.slice(0, via) + message.slice(end);
  const next = header(rest, 'Via');
  send(rest, next.slice(next.indexOf(' ') + 1).split(';')[0]);
}

function register(message, from) {
  const [to, contact] = [header(message, 'To'), header(message, 'Contact')];
  contacts.set(
    to.slice(to.indexOf('sip:') + 4, to.indexOf('@')),
    contact.slice(contact.indexOf('sip:'), contact.indexOf('>')),
  );
  const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(message, name)}\r\n`);
  send(
    `SIP/2.0 200 OK\r\n${copied.join('')}To: ${to};tag=x\r\nContact: ${contact};expires=3600\r\nContent-Length: 0\r\n\r\n`,
    `${from.address}:${from.port}`,
  );
}

function forwardRequest(message) {
  const [method, uri] = message.slice(0, message.indexOf('\r\n')).split(' ');
  const target = /(@|sip:)127/.test(uri) ? uri : (contacts.get(uri.slice(4, uri.indexOf('@'))) ?? uri);
  let rest = message.slice(message.indexOf('\r\n'));
  const route = rest.indexOf('\r\nRoute: ');
  if (route >= 0) rest = rest.slice(0, route) + rest.slice(rest.indexOf('\r\n', route + 2));
  const via = `\r\nVia: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${(branches++).toString(36)}`;
  const recordRoute = method === 'INVITE' ? `\r\nRecord-Route: <sip:127.0.0.1:${port};lr>` : '';
  send(
    `${method} ${target} SIP/2.0${via}${recordRoute}${rest}`,
    target.slice(target.includes('@') ? target.indexOf('@') + 1 : 4).split(/[;>]/)[0],
  );
}

socket.on('message', (bytes, from) => {
  const message = bytes.latin1Slice(0, bytes.length);
  if (message.startsWith('SIP/2.0')) forwardResponse(message);
  else if (message.startsWith('REGISTER')) register(message, from);
  else forwardRequest(message);
});
socket.bind(port, '127.0.0.1', () => process.stdout.write('ready\n'));
