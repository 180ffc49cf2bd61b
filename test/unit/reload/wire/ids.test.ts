import test from 'ava';
import { isNodeId, overlayHashOf, resourceIdOfBytes } from '../../../../src/reload/wire/ids.ts';

test('A1: the overlay hash is the low 32 bits of the SHA-1 of its name', (t) => {
  // printf overlay.example.org | openssl sha1: 74b9a543a333b17cf69729622ee7b3219aa32b8d
  t.is(overlayHashOf('overlay.example.org'), 0x9aa32b8d);
});

test('A25: a Resource-ID is the top 128 bits of the SHA-1', (t) => {
  t.is(resourceIdOfBytes(Buffer.from('overlay.example.org')), '74b9a543a333b17cf69729622ee7b321');
});

test('Node-IDs are 32 lower-case hex digits', (t) => {
  t.true(isNodeId('0123456789abcdef0123456789abcdef'));
  t.false(isNodeId('0123456789ABCDEF0123456789abcdef'));
  t.false(isNodeId('0123456789abcdef0123456789abcde'));
});
