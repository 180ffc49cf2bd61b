import test from 'ava';
import { originOf } from '../../../src/base/origin.ts';

test('an IPv4 address stands for itself, also when IPv6 carries it', (t) => {
  t.is(originOf('192.0.2.1'), '192.0.2.1');
  t.is(originOf('::ffff:192.0.2.1'), '192.0.2.1');
});

test('an IPv6 address stands for its /64, however it is written', (t) => {
  t.is(originOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2');
  t.is(originOf('2001:0DB8:1:2::9'), '2001:db8:1:2');
  t.is(originOf('2001:db8::1'), '2001:db8:0:0');
  t.is(originOf('2001:db8::'), '2001:db8:0:0');
  t.is(originOf('::1'), '0:0:0:0');
  t.not(originOf('2001:db8:1:3::9'), originOf('2001:db8:1:2::9'));
});
