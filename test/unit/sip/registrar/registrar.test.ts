import test from 'ava';
import { MemoryKeyValueStore, noMetrics, silentLogger, type Write } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { BindingStore } from '../../../../src/sip/registrar/binding-store.ts';
import { Registrar, type RegistrarOptions } from '../../../../src/sip/registrar/registrar.ts';
import type { Flow } from '../../../../src/sip/transport/flow.ts';
import { FakeFlow, request } from './messages.ts';

const AOR = 'alice@example.org';

class FailingStore extends MemoryKeyValueStore {
  fails = false;

  override async write(batch: readonly Write[]): Promise<void> {
    if (this.fails) throw new Error('disk full');
    return super.write(batch);
  }
}

class Bench {
  readonly clock = new VirtualClock();
  readonly kv = new FailingStore();
  readonly store = new BindingStore({
    clock: this.clock,
    store: this.kv,
    logger: silentLogger,
    metrics: noMetrics,
  });
  readonly registrar: Registrar;
  #cseq = 0;

  constructor(options: RegistrarOptions = {}) {
    this.registrar = new Registrar(
      { clock: this.clock, logger: silentLogger, metrics: noMetrics, store: this.store },
      options,
    );
  }

  /** Sends a REGISTER with the next CSeq and these headers. */
  async register(
    headers: string,
    options: { flow?: Flow; callId?: string; cseq?: number; via?: string; aor?: string } = {},
  ) {
    const { flow = new FakeFlow('UDP', '192.0.2.9:5060'), callId = 'c1', cseq = ++this.#cseq } = options;
    const { aor = AOR } = options;
    const message = request(`REGISTER sip:example.org SIP/2.0
      Via: ${options.via ?? 'SIP/2.0/UDP 192.0.2.9:5060'};branch=z9hG4bK${cseq}
      From: <sip:${aor}>;tag=1
      To: <sip:${aor}>
      Call-ID: ${callId}
      CSeq: ${cseq} REGISTER
      ${headers}`);
    const { status, headers: fields } = await this.registrar.process(message, flow, aor);
    const all = [...fields];
    return { status, contacts: valuesOf(all, 'Contact'), of: (name: string) => valuesOf(all, name) };
  }

  /** The Contact URIs bound now. */
  get bound(): string[] {
    return this.store.bindings(AOR).map(({ contact }) => contact);
  }
}

function valuesOf(fields: (readonly [string, string])[], wanted: string): string[] {
  return fields.filter(([name]) => name === wanted).map(([, value]) => value);
}

test('A13, RFC 3261 §10.3: add, refresh, query, remove', async (t) => {
  const bench = new Bench();
  const added = await bench.register('Contact: <sip:alice@192.0.2.9:5060>;q=0.7;audio\nExpires: 600');
  t.is(added.status, 200);
  t.deepEqual(added.contacts, ['<sip:alice@192.0.2.9:5060>;q=0.7;audio;expires=600']);
  t.is(added.of('Date').length, 1);
  await bench.clock.advance(100_000);
  const queried = await bench.register('');
  t.deepEqual(queried.contacts, ['<sip:alice@192.0.2.9:5060>;q=0.7;audio;expires=500']);
  const refreshed = await bench.register('Contact: <sip:alice@192.0.2.9:5060>;expires=900');
  t.deepEqual(refreshed.contacts, ['<sip:alice@192.0.2.9:5060>;expires=900']);
  const removed = await bench.register('Contact: <sip:alice@192.0.2.9:5060>;expires=0');
  t.is(removed.status, 200);
  t.deepEqual(removed.contacts, []);
  t.deepEqual(bench.bound, []);
});

test('RFC 3261 §10.3: several contacts, their q, and the default lifetime', async (t) => {
  const bench = new Bench();
  const { contacts } = await bench.register(
    'Contact: <sip:alice@192.0.2.9>;q=0.5, <sip:alice@192.0.2.10>;q=1.0;expires=120, <sip:alice@192.0.2.11>;q=7',
  );
  t.deepEqual(
    contacts.map((value) => /expires=(\d+)/.exec(value)?.[1]),
    ['3600', '120', '3600'],
  );
  t.deepEqual(
    bench.store.bindings(AOR).map(({ q }) => q),
    [0.5, 1, 1],
  );
});

test('RFC 3261 §10.3 step 6: * removes all, only alone and with Expires: 0', async (t) => {
  const bench = new Bench();
  await bench.register('Contact: <sip:alice@192.0.2.9>, <sip:alice@192.0.2.10>');
  t.is((await bench.register('Contact: *\nExpires: 60')).status, 400);
  t.is((await bench.register('Contact: *')).status, 400);
  t.is((await bench.register('Contact: *, <sip:alice@192.0.2.11>\nExpires: 0')).status, 400);
  t.is(bench.bound.length, 2);
  t.is((await bench.register('Contact: *\nExpires: 0')).status, 200);
  t.is(bench.bound.length, 0);
});

test('RFC 3261 §10.3 step 7: too short an interval is 423 with Min-Expires, too long a one is cut', async (t) => {
  const bench = new Bench({ expires: { min: 60, default: 3600, max: 7200 } });
  const brief = await bench.register('Contact: <sip:alice@192.0.2.9>;expires=59');
  t.is(brief.status, 423);
  t.deepEqual(brief.of('Min-Expires'), ['60']);
  const long = await bench.register('Contact: <sip:alice@192.0.2.9>;expires=999999999999');
  t.deepEqual(long.contacts, ['<sip:alice@192.0.2.9>;expires=7200']);
  const odd = await bench.register('Contact: <sip:alice@192.0.2.9>;expires=soon');
  t.deepEqual(odd.contacts, ['<sip:alice@192.0.2.9>;expires=3600'], 'malformed: the default');
});

test('RFC 3261 §10.3: a request is done whole or not at all', async (t) => {
  const bench = new Bench();
  await bench.register('Contact: <sip:alice@192.0.2.9>');
  t.is(
    (await bench.register('Contact: <sip:alice@192.0.2.10>, <sip:alice@192.0.2.11>;expires=5')).status,
    423,
  );
  t.is((await bench.register('Contact: <sip:alice@192.0.2.10>, <mailto:alice@example.org>')).status, 400);
  t.deepEqual(bench.bound, ['sip:alice@192.0.2.9']);
  bench.kv.fails = true;
  t.is((await bench.register('Contact: <sip:alice@192.0.2.10>')).status, 500);
  t.deepEqual(bench.bound, ['sip:alice@192.0.2.9'], 'what could not be stored is taken back');
});

test('RFC 3261 §10.3: of one Call-ID only requests in order count; another Call-ID always does', async (t) => {
  const bench = new Bench();
  const contact = 'Contact: <sip:alice@192.0.2.9>';
  await bench.register(contact, { cseq: 10 });
  t.is((await bench.register(`${contact};expires=0`, { cseq: 10 })).status, 500);
  t.is((await bench.register('Contact: *\nExpires: 0', { cseq: 9 })).status, 500);
  t.is(bench.bound.length, 1);
  t.is((await bench.register(`${contact};expires=60`, { cseq: 1, callId: 'c2' })).status, 200);
  t.is((await bench.register(`${contact};expires=0`, { cseq: 11 })).status, 200);
  t.is(bench.bound.length, 0);
});

test('RFC 3261 §19.1.4: contacts are compared as URIs', async (t) => {
  const bench = new Bench();
  await bench.register('Contact: <sip:alice@Phone.example.org;transport=TCP>');
  await bench.register('Contact: "Alice" <sip:%61lice@phone.EXAMPLE.org;transport=tcp;newparam=5>');
  t.deepEqual(bench.bound, ['sip:%61lice@phone.EXAMPLE.org;transport=tcp;newparam=5']);
});

test('architecture "Flows": at the limit the oldest contact makes room', async (t) => {
  const bench = new Bench({ maxContacts: 2 });
  for (const host of ['192.0.2.9', '192.0.2.10', '192.0.2.11'])
    await bench.register(`Contact: <sip:alice@${host}>`);
  t.deepEqual(bench.bound, ['sip:alice@192.0.2.10', 'sip:alice@192.0.2.11']);
  await bench.register('Contact: <sip:alice@192.0.2.10>');
  await bench.register('Contact: <sip:alice@192.0.2.12>');
  t.deepEqual(bench.bound, ['sip:alice@192.0.2.10', 'sip:alice@192.0.2.12'], 'a refresh makes young');
});

test('RFC 3261 §21.5.4: when there is no room for more bindings, new ones are 503 with Retry-After; refreshes are not', async (t) => {
  const bench = new Bench({ maxBindings: 2, maxContacts: 2 });
  const bob = { aor: 'bob@example.org', callId: 'c2' };
  const carol = { aor: 'carol@example.org', callId: 'c3' };
  t.is((await bench.register('Contact: <sip:alice@192.0.2.9>')).status, 200);
  t.is((await bench.register('Contact: <sip:bob@192.0.2.10>', bob)).status, 200);
  const refused = await bench.register('Contact: <sip:carol@192.0.2.11>', carol);
  t.is(refused.status, 503);
  t.deepEqual(refused.of('Retry-After'), ['60']);
  t.is(
    (await bench.register('Contact: <sip:alice@192.0.2.12>')).status,
    503,
    'a second phone of a known user',
  );
  t.is(bench.store.bindingCount, 2);
  t.is((await bench.register('Contact: <sip:alice@192.0.2.9>')).status, 200, 'a refresh');
  t.is((await bench.register('', carol)).status, 200, 'a query');
  const moved = 'Contact: <sip:alice@192.0.2.9>;expires=0, <sip:alice@192.0.2.12>';
  t.is((await bench.register(moved)).status, 200, 'one for another');
  t.deepEqual(bench.bound, ['sip:alice@192.0.2.12']);
  t.is((await bench.register('Contact: *\nExpires: 0', bob)).status, 200);
  t.is((await bench.register('Contact: <sip:carol@192.0.2.11>', carol)).status, 200, 'there is room again');
  await bench.clock.advance(3_601_000);
  t.is(bench.store.bindingCount, 0, 'what runs out makes room');
});

test('architecture "Flows": a store that fails takes up no room', async (t) => {
  const bench = new Bench({ maxBindings: 1 });
  bench.kv.fails = true;
  t.is((await bench.register('Contact: <sip:alice@192.0.2.9>')).status, 500);
  bench.kv.fails = false;
  t.is(bench.store.bindingCount, 0);
  t.is((await bench.register('Contact: <sip:alice@192.0.2.9>')).status, 200);
});

test('architecture "Flows": the same +sip.instance replaces, wherever the phone is now', async (t) => {
  const bench = new Bench();
  const instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';
  await bench.register(`Contact: <sip:alice@192.0.2.9:1111>;${instance}`);
  await bench.register(`Contact: <sip:alice@192.0.2.9:2222>;${instance}`, { callId: 'c2' });
  t.deepEqual(bench.bound, ['sip:alice@192.0.2.9:2222']);
});

test('architecture "Flows": phones behind different NATs may have the same Contact', async (t) => {
  const bench = new Bench();
  const contact = 'Contact: <sip:alice@192.168.1.10:5060>';
  const via = 'SIP/2.0/UDP 192.168.1.10:5060';
  const home = new FakeFlow('UDP', '198.51.100.1:4000');
  const office = new FakeFlow('UDP', '203.0.113.1:4000');
  await bench.register(contact, { flow: home, via });
  await bench.register(contact, { flow: office, via, callId: 'c2' });
  t.deepEqual(
    bench.store.bindings(AOR).map(({ source }) => source.host),
    ['198.51.100.1', '203.0.113.1'],
  );
  await bench.register(contact, { flow: new FakeFlow('UDP', '198.51.100.1:5555'), via, callId: 'c3' });
  t.deepEqual(
    bench.store.bindings(AOR).map(({ source }) => source.port),
    [4000, 5555],
    'rebooted at home',
  );
});

test('RFC 5626 §6: reg-id gives a binding per flow, and Require: outbound in the 200', async (t) => {
  const bench = new Bench();
  const contact = 'Contact: <sip:alice@192.0.2.9;transport=tcp>;+sip.instance="<urn:uuid:1>"';
  const headers = (regId: number) => `${contact};reg-id=${regId}\nSupported: path, outbound`;
  const flow = new FakeFlow('TCP', '192.0.2.9:40000');
  const first = await bench.register(headers(1), { flow });
  t.deepEqual(first.of('Require'), ['outbound']);
  await bench.register(headers(2), { flow: new FakeFlow('TCP', '192.0.2.9:40001'), callId: 'c2' });
  t.deepEqual(
    bench.store.bindings(AOR).map(({ regId }) => regId),
    [1, 2],
  );
  await bench.register(headers(1), { flow: new FakeFlow('TCP', '192.0.2.9:40002'), callId: 'c3' });
  t.deepEqual(
    bench.store.bindings(AOR).map(({ source }) => source.port),
    [40_001, 40_002],
  );
  const unsupported = await bench.register(`${contact};reg-id=1`, { flow });
  t.deepEqual(unsupported.of('Require'), [], 'the UA does not support it');
  const two = `${headers(1)}\nContact: <sip:alice@192.0.2.10>;+sip.instance="<urn:uuid:2>";reg-id=1`;
  t.is((await bench.register(two, { flow })).status, 400);
});

test('RFC 5626 §6: behind a proxy that lacks outbound, reg-id is 439', async (t) => {
  const bench = new Bench();
  const via = 'SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKp, SIP/2.0/UDP 192.0.2.9';
  const contact = 'Contact: <sip:alice@192.0.2.9>;+sip.instance="<urn:uuid:1>";reg-id=1\nSupported: outbound';
  t.is((await bench.register(contact, { via })).status, 439);
  const edge = `${contact}\nPath: <sip:token@192.0.2.8;lr;ob>`;
  const { status, of } = await bench.register(edge, { via });
  t.is(status, 200);
  t.deepEqual(of('Require'), ['outbound']);
});

test('RFC 3327 §5.3: Path is stored, given back, and rules out the flow', async (t) => {
  const bench = new Bench();
  const { of } = await bench.register(
    'Contact: <sip:alice@192.0.2.9;transport=tcp>\nPath: <sip:p2.example;lr>, <sip:p1.example;lr>\nSupported: path',
    { flow: new FakeFlow('TCP', '192.0.2.8:5060') },
  );
  t.deepEqual(of('Path'), ['<sip:p2.example;lr>', '<sip:p1.example;lr>']);
  const [binding] = bench.store.bindings(AOR);
  t.deepEqual(binding?.path, ['<sip:p2.example;lr>', '<sip:p1.example;lr>']);
  t.false(binding?.byFlow);
});

test('RFC 3261 §10.3 step 2: an extension we lack is 420', async (t) => {
  const bench = new Bench();
  const { status, of } = await bench.register(
    'Contact: <sip:alice@192.0.2.9>\nRequire: path, gruu, nonsense',
  );
  t.is(status, 420);
  t.deepEqual(of('Unsupported'), ['gruu, nonsense']);
});

test('bounds: over-long Contacts and Paths are refused', async (t) => {
  const bench = new Bench();
  t.is((await bench.register(`Contact: <sip:${'a'.repeat(2000)}@192.0.2.9>`)).status, 400);
  t.is(
    (await bench.register(`Contact: <sip:a@192.0.2.9>\nPath: <sip:${'p'.repeat(3000)}.example;lr>`)).status,
    400,
  );
  t.deepEqual(bench.bound, []);
});
