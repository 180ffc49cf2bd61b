import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { startGateway } from '../support/gateway.ts';
import { formatSip, parseSip } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';

const COPIED = ['Via', 'From', 'To', 'Call-ID', 'CSeq'];

/** A SIP server at localhost that is always busy, its certificate for `dnsName`; and what it was asked. */
async function busyServer(t: ExecutionContext, dnsName: string) {
  const files = sipTlsFiles({ dnsNames: [dnsName] });
  const asked: string[] = [];
  const options = { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  const server = createServer(options, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const request = parseSip(data.toString('latin1'));
      asked.push(request.start);
      if (!request.start.startsWith('INVITE ')) return;
      const headers = COPIED.flatMap((name) =>
        (request.headers.get(name.toLowerCase()) ?? []).map((value): [string, string] => [name, value]),
      );
      socket.write(formatSip('SIP/2.0 486 Busy Here', headers));
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { asked, authority: files.authority, port: (server.address() as AddressInfo).port };
}

/** The answer to a call that leaves by a trunk over TLS to localhost. */
async function callOver(t: ExecutionContext, port: number, authority?: string): Promise<number> {
  const gateway = await startGateway(t, async (free) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await free()}`] },
    sip: {
      domains: ['example.org'],
      listen: ['udp://127.0.0.1:0'],
      trunks: [{ match: '^\\+', to: `sip:localhost:${port};transport=tls` }],
      ...(authority && { 'tls-ca': authority }),
    },
  }));
  const phone = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  return (await phone.call('alice', '+4930123')).status;
}

test('RFC 5922 §7: a call goes over TLS to the server that proves the name asked for', async (t) => {
  const { asked, authority, port } = await busyServer(t, 'localhost');
  t.is(await callOver(t, port, authority), 486);
  t.regex(asked[0] ?? '', /^INVITE sips?:\+4930123@localhost:\d+;.*transport=tls/);
});

test('RFC 5922 §7.3: nothing is said to a server whose certificate is for another name', async (t) => {
  const { asked, authority, port } = await busyServer(t, 'other.example');
  t.true((await callOver(t, port, authority)) >= 480);
  t.deepEqual(asked, []);
});

test('RFC 5922 §7.3: nothing is said to a server whose authority nobody named', async (t) => {
  const { asked, port } = await busyServer(t, 'localhost');
  t.true((await callOver(t, port)) >= 480);
  t.deepEqual(asked, []);
});
