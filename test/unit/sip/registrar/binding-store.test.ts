import test from 'ava';
import { MemoryKeyValueStore, noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import type { Binding } from '../../../../src/sip/registrar/binding.ts';
import { type BindingChange, BindingStore } from '../../../../src/sip/registrar/binding-store.ts';
import type { Flow } from '../../../../src/sip/transport/flow.ts';
import { FakeFlow } from './messages.ts';

const AOR = 'alice@example.org';

function setup(kv = new MemoryKeyValueStore(), clock = new VirtualClock()) {
  const store = new BindingStore({ clock, store: kv, logger: silentLogger, metrics: noMetrics });
  const changes: BindingChange[] = [];
  store.changed.on((change) => changes.push(change));
  return { store, clock, kv, changes, kinds: () => changes.map(({ kind }) => kind) };
}

function binding(
  clock: VirtualClock,
  seconds: number,
  options: { contact?: string; flow?: Flow } = {},
): Binding {
  const { contact = 'sip:alice@192.0.2.9', flow } = options;
  return {
    aor: AOR,
    contact,
    params: ';+sip.instance="<urn:uuid:1>"',
    q: 1,
    instance: '"<urn:uuid:1>"',
    regId: undefined,
    gruuSeries: undefined,
    expiresAt: clock.now() + seconds * 1000,
    updatedAt: clock.now(),
    callId: 'c1',
    cseq: 1,
    path: ['<sip:p.example;lr>'],
    transport: flow?.transport ?? 'UDP',
    source: { host: '192.0.2.9', port: 5060 },
    local: { host: '192.0.2.1', port: 5060 },
    byFlow: flow !== undefined,
    flow,
  };
}

test('A13: what is stored is there after a restart, but for what has expired and WebSocket bindings', async (t) => {
  const { store, clock, kv } = setup();
  const lasting = binding(clock, 600);
  const brief = binding(clock, 60, { contact: 'sip:alice@192.0.2.10' });
  const web = binding(clock, 600, { contact: 'sip:a@x.invalid', flow: new FakeFlow('WS', '192.0.2.11:1') });
  await store.replace(AOR, [lasting, brief, web]);
  await kv.write([{ key: 'binding/broken@example.org', value: Buffer.from('[{"contact":1}]') }]);
  store.stop();
  await clock.advance(100_000);
  const restarted = setup(kv, clock);
  restarted.store.load();
  t.deepEqual(restarted.store.bindings(AOR), [lasting]);
  t.deepEqual(restarted.changes, [], 'loading is no change');
  t.is(restarted.store.size, 1);
  await clock.advance(500_000);
  t.is(restarted.store.size, 0, 'loaded bindings expire too');
  t.deepEqual([...kv.entries('binding/')], []);
});

test('listeners learn what happened: added, refreshed, changed, removed', async (t) => {
  const { store, clock, kinds } = setup();
  await store.replace(AOR, [binding(clock, 60)]);
  await store.replace(AOR, [binding(clock, 120)]);
  await store.replace(AOR, [binding(clock, 120), binding(clock, 60, { contact: 'sip:alice@192.0.2.10' })]);
  await store.replace(AOR, []);
  await store.replace(AOR, []);
  t.deepEqual(kinds(), ['added', 'refreshed', 'changed', 'removed']);
});

test('bindings end at their time, with one timer for all', async (t) => {
  const { store, clock, changes, kinds } = setup();
  for (let index = 0; index < 50; index += 1)
    await store.replace(`u${index}@example.org`, [binding(clock, 300)]);
  await store.replace(AOR, [binding(clock, 60), binding(clock, 120.5, { contact: 'sip:alice@192.0.2.10' })]);
  t.is(clock.pendingTimers, 1);
  await clock.advance(59_999);
  t.is(store.bindings(AOR).length, 2);
  await clock.advance(1);
  t.is(store.bindings(AOR).length, 1);
  await clock.advance(60_500);
  t.is(store.bindings(AOR).length, 0, 'never handed out after its time');
  await clock.advance(500);
  t.deepEqual(kinds().slice(-2), ['changed', 'removed']);
  t.is(changes.at(-1)?.aor, AOR);
  t.is(clock.pendingTimers, 1);
  await clock.advance(300_000);
  t.is(store.size, 0);
  t.is(clock.pendingTimers, 0);
});

test('a refresh moves the end away, a shorter lifetime brings it nearer', async (t) => {
  const { store, clock } = setup();
  await store.replace(AOR, [binding(clock, 60)]);
  await clock.advance(50_000);
  await store.replace(AOR, [binding(clock, 600)]);
  await clock.advance(60_000);
  t.is(store.size, 1);
  await store.replace(AOR, [binding(clock, 60)]);
  await clock.advance(60_000);
  t.is(store.size, 0);
});

test('architecture "Flows": a closed WebSocket ends its bindings at once, a closed TCP connection does not', async (t) => {
  const { store, clock, kv, kinds } = setup();
  const web = new FakeFlow('WSS', '192.0.2.11:1');
  const tcp = new FakeFlow('TCP', '192.0.2.12:1');
  await store.replace(AOR, [
    binding(clock, 600, { contact: 'sip:a@x.invalid', flow: web }),
    binding(clock, 600, { contact: 'sip:a@192.0.2.12;transport=tcp', flow: tcp }),
  ]);
  tcp.close();
  t.is(store.bindings(AOR)[1]?.flow, undefined);
  web.close();
  t.deepEqual(
    store.bindings(AOR).map(({ contact }) => contact),
    ['sip:a@192.0.2.12;transport=tcp'],
  );
  t.deepEqual(kinds(), ['added', 'changed']);
  t.false(
    Buffer.from(kv.get(`binding/${AOR}`)!)
      .toString()
      .includes('x.invalid'),
  );
});

test('T16: the bindings of a revoked user are dropped at once, on the disk too', async (t) => {
  const { store, clock, kv, kinds } = setup();
  await store.replace(AOR, [binding(clock, 600)]);
  store.drop(AOR);
  t.deepEqual(store.bindings(AOR), []);
  store.drop(AOR);
  t.deepEqual(kinds(), ['added', 'removed']);
  await clock.advance(1);
  t.deepEqual([...kv.entries('')], []);
});
