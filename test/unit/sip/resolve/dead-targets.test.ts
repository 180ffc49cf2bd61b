import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { DeadTargets } from '../../../../src/sip/resolve/dead-targets.ts';

const target = (host: string, transport: 'UDP' | 'TCP' = 'UDP') => ({
  transport,
  address: { host, port: 5060 },
});
const [a, b] = [target('192.0.2.1'), target('192.0.2.2')];

test('RFC 3263 §4.3: a server that failed is left out for 30 s, over that transport only', async (t) => {
  const clock = new VirtualClock();
  const dead = new DeadTargets({ clock });
  const overTcp = target('192.0.2.1', 'TCP');
  dead.add(a);
  t.deepEqual(dead.alive([a, overTcp, b]), [overTcp, b]);
  await clock.advance(29_999);
  t.deepEqual(dead.alive([a, b]), [b]);
  await clock.advance(1);
  t.deepEqual(dead.alive([a, b]), [a, b]);
});

test('a server that answers is alive; when all are dead, all are tried in their order', (t) => {
  const dead = new DeadTargets({ clock: new VirtualClock() });
  dead.add(a);
  dead.add(b);
  t.deepEqual(dead.alive([a, b]), [a, b]);
  dead.delete(b);
  t.deepEqual(dead.alive([a, b]), [b]);
});

test('RFC 3261 §21.5.4: Retry-After is believed for 5 minutes at the most', async (t) => {
  const clock = new VirtualClock();
  const dead = new DeadTargets({ clock });
  dead.add(a, 86_400_000);
  await clock.advance(299_999);
  t.deepEqual(dead.alive([a, b]), [b]);
  await clock.advance(1);
  t.deepEqual(dead.alive([a, b]), [a, b]);
});

test('at most 1,024 are remembered', (t) => {
  const dead = new DeadTargets({ clock: new VirtualClock() });
  dead.add(a);
  for (let i = 0; i < 1_024; i++) dead.add(target(`198.51.${i >> 8}.${i & 255}`));
  t.deepEqual(dead.alive([a, b]), [a, b]);
});
