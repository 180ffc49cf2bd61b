import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ipBytes } from '../../../../src/gateway/trace/exported-pdu.ts';
import { packetBlock } from '../../../../src/gateway/trace/pcapng.ts';
import { RotatingFile } from '../../../../src/gateway/trace/rotating-file.ts';
import { withoutSecrets } from '../../../../src/gateway/trace/without-secrets.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const hidden = (text: string) => Buffer.from(withoutSecrets(Buffer.from(text))).toString();

test('digest responses and keys of media are hidden in a trace, everything stays in its place', (t) => {
  const digest = 'Digest username="alice", nonce="n", response="0123456789abcdef0123456789abcdef", nc=1';
  for (const name of ['Authorization', 'Proxy-Authorization', 'authorization ', 'AUTHORIZATION']) {
    const message = `REGISTER sip:x SIP/2.0\r\n${name}: ${digest}\r\nCSeq: 1 REGISTER\r\n\r\n`;
    const clean = hidden(message);
    t.is(clean.length, message.length);
    t.true(clean.includes(`response="${'*'.repeat(32)}", nc=1\r\nCSeq`) === /uthorization/.test(name), name);
  }
  const bare = 'Authorization: Digest response=abc, nonce="n"\r\n';
  t.is(hidden(bare), 'Authorization: Digest response=***, nonce="n"\r\n');
  const sdp = 'm=audio 1 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3|2^20\r\n';
  t.is(hidden(sdp), sdp.replace('d0RmdmcmVCspeEc3', '****************'));
  const plain = Buffer.from('INVITE sip:x SIP/2.0\r\nSubject: response="x"\r\n\r\n');
  t.is(withoutSecrets(plain), plain);
});

test('addresses of both families become octets', (t) => {
  t.is(ipBytes('192.0.2.7').toString('hex'), 'c0000207');
  t.is(ipBytes('::1').toString('hex'), `${'0'.repeat(31)}1`);
  t.is(ipBytes('2001:db8::7:0').toString('hex'), '20010db8000000000000000000070000');
  t.is(ipBytes('::ffff:192.0.2.7').toString('hex'), '00000000000000000000ffffc0000207');
  t.is(ipBytes('fe80::1%eth0').toString('hex'), 'fe800000000000000000000000000001');
});

test('a block of a pcapng file says its length at both ends, whatever the length of its packet', (t) => {
  for (const length of [0, 1, 2, 3, 4, 61]) {
    const block = packetBlock(new Uint8Array(length), {
      at: 1_700_000_000_123.456,
      direction: 'in',
      comment: 'abc',
    });
    t.is(block.length % 4, 0);
    t.is(block.readUInt32BE(4), block.length);
    t.is(block.readUInt32BE(block.length - 4), block.length);
    const microseconds = (BigInt(block.readUInt32BE(12)) << 32n) | BigInt(block.readUInt32BE(16));
    t.is(microseconds, 1_700_000_000_123_456n);
  }
});

test('a file that is full gives way to the next; so many are kept, each with its header', async (t) => {
  const file = path.join(temporaryDirectory('rotating'), 'trace');
  writeFileSync(file, 'earlier');
  const errors: Error[] = [];
  const options = {
    maxBytes: 10,
    keep: 2,
    header: Buffer.from('H'),
    onError: (error: Error) => errors.push(error),
  };
  const rotating = new RotatingFile({ path: file, ...options });
  for (const text of ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee']) t.true(rotating.write(Buffer.from(text)));
  await rotating.close();
  const content = (name: string) => (existsSync(name) ? readFileSync(name, 'utf8') : undefined);
  t.deepEqual(
    ['', '.1', '.2', '.3'].map((suffix) => content(file + suffix)),
    ['Heeee', 'Hccccdddd', 'Haaaabbbb', undefined],
  );
  t.deepEqual(errors, []);
});

test('a file that cannot be made is told once, and takes nothing', async (t) => {
  const errors: Error[] = [];
  const rotating = new RotatingFile({
    path: path.join(temporaryDirectory('rotating'), 'no', 'such', 'trace'),
    ...{ maxBytes: 100, keep: 0, header: Buffer.from('H') },
    onError: (error) => errors.push(error),
  });
  rotating.write(Buffer.from('x'));
  await rotating.close();
  t.is(errors.length, 1);
  t.false(rotating.write(Buffer.from('y')));
});
