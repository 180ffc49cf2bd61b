import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { type ConfigBuilder, startGateway } from '../support/gateway.ts';
import { formatSip, header, parseSip, type SipText } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';

const COPIED = ['Via', 'Record-Route', 'From', 'Call-ID', 'CSeq'];

/** A SIP server at localhost with a certificate for `dnsName` alone, that takes all calls; and what it was asked. */
async function serverFor(t: ExecutionContext, dnsName: string) {
  const files = sipTlsFiles({ dnsNames: [dnsName], ipAddresses: [] });
  const asked: string[] = [];
  let connections = 0;
  let port = 0;
  const options = { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  const server = createServer(options, (socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const text of data.toString('latin1').split(/(?=^(?:ACK|BYE) )/m)) {
        const request = parseSip(text);
        asked.push(request.start);
        if (!request.start.startsWith('ACK ')) socket.write(ok(request, port));
      }
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  port = (server.address() as AddressInfo).port;
  return { asked, authority: files.authority, port, connections: () => connections };
}

function ok(request: SipText, port: number): string {
  const headers = COPIED.flatMap((name) =>
    (request.headers.get(name.toLowerCase()) ?? []).map((value): [string, string] => [name, value]),
  );
  const to = header(request, 'to');
  headers.push(['To', to.includes(';tag=') ? to : `${to};tag=far`]);
  headers.push(['Contact', `<sip:far@127.0.0.1:${port};transport=tls>`]);
  return formatSip('SIP/2.0 200 OK', headers);
}

/** A call that leaves by a trunk over TLS to localhost. */
async function callOver(
  t: ExecutionContext,
  port: number,
  authority?: string,
  env: Record<string, string> = {},
) {
  const config: ConfigBuilder = async (free) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await free()}`] },
    sip: {
      domains: ['example.org'],
      listen: ['udp://127.0.0.1:0'],
      trunks: [{ match: '^\\+', to: `sip:localhost:${port};transport=tls` }],
      ...(authority && { 'tls-ca': authority }),
    },
  });
  const gateway = await startGateway(t, config, { env });
  const phone = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  return { gateway, phone, call: await phone.call('alice', '+4930123') };
}

test('RFC 5922 §7, RFC 5923 §8.1: a call goes to the server that proves its name, and to its end over the same connection', async (t) => {
  const { asked, authority, port, connections } = await serverFor(t, 'localhost');
  const { phone, call } = await callOver(t, port, authority);
  t.is(call.status, 200);
  if (call.dialog === undefined) return t.fail('no dialog');
  // The server's Contact is its address, for which it has no certificate.
  t.is(await phone.bye(call.dialog), 200);
  t.regex(asked[0] ?? '', /^INVITE sip:\+4930123@localhost:\d+;.*transport=tls/);
  t.deepEqual(
    asked.slice(1).map((start) => start.split(' ')[0]),
    ['ACK', 'BYE'],
  );
  t.is(connections(), 1);
});

test('RFC 5922 §7.3: nothing is said to a server whose certificate is for another name, and the log says why', async (t) => {
  const { asked, authority, port } = await serverFor(t, 'other.example');
  const { gateway, call } = await callOver(t, port, authority);
  t.is(call.status, 500);
  t.deepEqual(asked, []);
  t.regex(gateway.stderr, /cannot connect over TLS.*not for localhost/);
});

test('RFC 5922 §7.3: nothing is said to a server whose authority nobody named', async (t) => {
  const { asked, port } = await serverFor(t, 'localhost');
  const { gateway, call } = await callOver(t, port);
  t.is(call.status, 500);
  t.deepEqual(asked, []);
  t.regex(gateway.stderr, /cannot connect over TLS.*self-signed certificate/);
});

test('RFC 5922 §7.3: an authority that Node.js was given by NODE_EXTRA_CA_CERTS counts as well', async (t) => {
  const { asked, authority, port } = await serverFor(t, 'localhost');
  const { call } = await callOver(t, port, undefined, { NODE_EXTRA_CA_CERTS: authority });
  t.is(call.status, 200);
  t.regex(asked[0] ?? '', /^INVITE /);
});
