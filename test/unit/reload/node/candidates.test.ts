import test from 'ava';
import {
  connectableAddresses,
  offeredAddresses,
  toCandidates,
} from '../../../../src/reload/node/candidates.ts';

test('a wildcard address offers the interfaces of its family, loopback only when there is nothing else', (t) => {
  const interfaces = ['127.0.0.1', '192.0.2.7', '::1', '2001:db8::7', 'fe80::7'];
  t.deepEqual(offeredAddresses([{ host: '0.0.0.0', port: 1 }], interfaces), [{ host: '192.0.2.7', port: 1 }]);
  t.deepEqual(offeredAddresses([{ host: '::', port: 1 }], interfaces), [{ host: '2001:db8::7', port: 1 }]);
  t.deepEqual(offeredAddresses([{ host: '0.0.0.0', port: 1 }], ['127.0.0.1']), [
    { host: '127.0.0.1', port: 1 },
  ]);
});

test('B16: what we offer is a passive host candidate of TLS-TCP-FH-NO-ICE', (t) => {
  const [candidate] = toCandidates([{ host: '192.0.2.7', port: 6084 }]);
  t.like(candidate, {
    address: { type: 'ip', host: '192.0.2.7', port: 6084 },
    overlayLink: 4,
    candidate: { type: 'host' },
  });
});

test('candidates of others: four at most, by priority, loopback only where we are ourselves', (t) => {
  const many = toCandidates(Array.from({ length: 9 }, (_, i) => ({ host: `192.0.2.${i}`, port: 1 })));
  t.deepEqual(
    connectableAddresses(many.toReversed(), []).map(({ host }) => host),
    ['192.0.2.0', '192.0.2.1', '192.0.2.2', '192.0.2.3'],
  );
  const loopback = toCandidates([{ host: '127.0.0.1', port: 1 }]);
  t.deepEqual(connectableAddresses(loopback, [{ host: '192.0.2.9', port: 1 }]), []);
  t.is(connectableAddresses(loopback, [{ host: '127.0.0.1', port: 9 }]).length, 1);
  t.deepEqual(connectableAddresses([{ ...many[0]!, overlayLink: 1 }], []), [], 'ICE links are not ours');
});
