import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'ava';
import { startGateway } from '../support/gateway.ts';
import { projectRoot } from '../support/project.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';

// Whatever comes in over the network, the process lives and serves the next phone.

const torture = path.join(projectRoot, 'test/fixtures/rfc4475');

function hostileInput(): Buffer[] {
  const request = (lines: string[], body = '') =>
    Buffer.from(['OPTIONS sip:example.org SIP/2.0', ...lines, '', body].join('\r\n'));
  const via = 'Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx';
  return [
    Buffer.alloc(0),
    Buffer.from('not SIP at all\r\n\r\n'),
    Buffer.from([0, 255, 1, 254, 13, 10, 13, 10]),
    Buffer.from('INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/U'),
    request([via, 'Content-Length: 99999']),
    request([via, 'Content-Length: -5']),
    request([via, 'Content-Length: 99999999999999999999']),
    request([via, `Subject: ${'x'.repeat(60_000)}`]),
    request([via, ...Array.from({ length: 4000 }, (_, i) => `X-${i}: y`)]),
    ...readdirSync(torture).map((file) => readFileSync(path.join(torture, file))),
  ];
}

test('RFC 4475, bad input: hostile datagrams and streams leave the gateway serving', async (t) => {
  const gateway = await startGateway(t, async (port) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: {
      domains: ['example.org'],
      listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
      allow: ['127.0.0.0/8'], // or the scanner ban would end the test
    },
  }));
  const udp = dgram.createSocket('udp4');
  udp.on('message', () => {}); // answers, where RFC 3261 wants one
  for (const input of hostileInput()) {
    await new Promise((resolve) => udp.send(input, gateway.sipPort('udp'), '127.0.0.1', resolve));
    const tcp = net.connect(gateway.sipPort('tcp'), '127.0.0.1');
    tcp.on('error', () => {}); // the gateway may well reset it
    tcp.resume();
    tcp.end(input);
    await once(tcp, 'close');
  }
  udp.close();
  const phone = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  t.is(statusOf(await phone.register('bob')), 200);
  t.regex(await gateway.metrics(), /malformed[^\n]* [1-9]/);
  t.is(await gateway.stop(), 0);
});
