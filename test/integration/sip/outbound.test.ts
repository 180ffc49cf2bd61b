import test from 'ava';
import { header } from '../../support/sip-text.ts';
import { joinServers, TestServer, World } from './proxy-bench.ts';
import type { Incoming, SimPhoneOptions } from './sim-phone.ts';

const BOB = 'sip:bob@example.org';
const INSTANCE = 'urn:uuid:00000000-0000-1000-8000-000a95a0e128';

/** Alice, and two flows of Bob's one phone. */
async function setup(options: { first?: Incoming; second?: Incoming; transport?: 'UDP' | 'TCP' } = {}) {
  const { first = 'answer', second = 'answer', transport = 'TCP' } = options;
  const world = new World();
  const server = await TestServer.start(world, '192.0.2.1');
  const alice = await world.registered(server, 'alice', '192.0.2.10');
  const flow = (regId: number, incoming: Incoming) => {
    const phone: Partial<SimPhoneOptions> = { instance: INSTANCE, regId, incoming, transport };
    return world.registered(server, 'bob', `192.0.2.2${regId}`, phone);
  };
  const older = await flow(1, first);
  await world.clock.advance(1000);
  const newer = await flow(2, second);
  return { world, server, alice, older, newer };
}

test('RFC 5626 §7: a phone with two flows gets a call over one of them, the one registered last', async (t) => {
  const { world, server, alice, older, newer } = await setup();
  t.is(server.store.bindings('bob@example.org').length, 2);
  t.is((await world.run(alice.call(BOB))).status, 200);
  await world.clock.advance(60_000);
  t.deepEqual(newer.methods, ['INVITE', 'ACK']);
  t.deepEqual(older.methods, []);
});

test('RFC 5626 §7: a flow whose connection is gone is passed over at once', async (t) => {
  const { world, alice, older, newer } = await setup();
  await world.run(newer.reconnect());
  await world.clock.advance(100);
  const start = world.clock.now();
  const call = await world.run(alice.call(BOB));
  t.is(call.status, 200);
  t.true(world.clock.now() - start < 500);
  t.deepEqual(newer.methods, []);
  await world.clock.advance(100);
  t.is((await world.run(alice.inDialog(call.dialog!))).status, 200);
  t.deepEqual(older.methods, ['INVITE', 'ACK', 'BYE']);
});

test('RFC 5626 §7: 430 and 408 of one flow have the other one tried, and are not told to the caller', async (t) => {
  for (const status of [430, 408]) {
    const { world, alice, older } = await setup({ second: status, first: 486 });
    const call = await world.run(alice.call(BOB));
    t.is(call.status, 486);
    await world.clock.advance(100);
    t.deepEqual(older.methods, ['INVITE', 'ACK']);
  }
});

test('RFC 5626 §7: any other answer is the answer of the phone: the other flow is left alone', async (t) => {
  for (const status of [486, 480, 603]) {
    const { world, alice, older } = await setup({ second: status });
    t.is((await world.run(alice.call(BOB))).status, status);
    t.deepEqual(older.methods, []);
  }
});

test('RFC 5626 §7: a flow over UDP that a NAT has forgotten: after 8 s the other one is tried', async (t) => {
  const { world, alice, older } = await setup({ second: 'ignore', transport: 'UDP' });
  const start = world.clock.now();
  t.is((await world.run(alice.call(BOB))).status, 200);
  t.true(world.clock.now() - start < 9_000);
  await world.clock.advance(60_000);
  t.deepEqual(older.methods, ['INVITE', 'ACK']);
});

test('RFC 5626 §7: no flow left is 480; the Contact of an outbound phone is not tried', async (t) => {
  const { world, server, alice, older, newer } = await setup();
  await world.run(older.reconnect());
  await world.run(newer.reconnect());
  await world.clock.advance(100);
  const start = world.clock.now();
  t.is((await world.run(alice.call(BOB))).status, 480);
  t.true(world.clock.now() - start < 500);
  await world.clock.advance(60_000);
  t.is(server.core.forks, 0);
  t.deepEqual(server.core.transactions.counts, { clients: 0, servers: 0 });
});

test('RFC 5626 §5.3.1: a request in a dialog takes another flow of the phone; with none left it is 430', async (t) => {
  const { world, alice, older, newer } = await setup();
  const { dialog } = await world.run(alice.call(BOB));
  await world.clock.advance(100);
  await world.run(newer.reconnect());
  await world.clock.advance(100);
  t.is((await world.run(alice.inDialog(dialog!, 'INFO'))).status, 200);
  t.deepEqual(older.methods, ['INFO']);
  await world.run(older.reconnect());
  await world.clock.advance(100);
  t.is((await world.run(alice.inDialog(dialog!))).status, 430);
  // It comes back, and with it the dialog.
  t.is((await world.run(newer.register())).status, 200);
  t.is((await world.run(alice.inDialog(dialog!))).status, 200);
  t.is(newer.methods.at(-1), 'BYE');
});

test('RFC 5626 §6: the 200 says Require: outbound to a phone that registers a flow', async (t) => {
  const { world, newer, alice } = await setup();
  t.is(header((await world.run(newer.register())).final, 'require'), 'outbound');
  t.is((await world.run(alice.register())).final.headers.get('require'), undefined);
});

test('RFC 5626 §7: the caller cancels while the second flow is tried', async (t) => {
  const { world, server, alice, older } = await setup({ second: 430, first: 'ring' });
  const call = await world.run(alice.call(BOB, (cancel) => cancel()));
  t.is(call.status, 487);
  await world.clock.advance(60_000);
  t.deepEqual(older.methods, ['INVITE', 'CANCEL', 'ACK']);
  t.is(server.core.forks, 0);
});

test('RFC 5626 §5.4: a connection whose phone stopped its keepalives has failed, well before anyone calls', async (t) => {
  const { world, server, newer, alice } = await setup({ first: 486 });
  t.is(header((await world.run(newer.register())).final, 'flow-timer'), '120');
  t.is(header((await world.run(alice.register())).final, 'flow-timer'), '', 'not without outbound');
  const open = () => server.store.bindings('bob@example.org').filter(({ flow }) => flow?.open).length;
  await world.clock.advance(140_000);
  t.is(open(), 2);
  await world.clock.advance(20_000);
  t.is(open(), 0);
  t.is((await world.run(alice.call(BOB))).status, 480);
});

test('RFC 5626 §5.4: keepalives hold the connection', async (t) => {
  const { world, server, newer } = await setup();
  for (let minute = 0; minute < 5; minute += 1) {
    await world.clock.advance(60_000);
    newer.keepAlive();
  }
  await world.clock.advance(100);
  const flows = server.store.bindings('bob@example.org').map(({ regId, flow }) => [regId, flow?.open]);
  t.deepEqual(flows, [
    [1, undefined],
    [2, true],
  ]);
});

test('P3: peers leave a phone alone until somebody calls, and then it hears from the one it registered with', async (t) => {
  const { world, server } = await setup();
  const far = await TestServer.start(world, '192.0.2.3', { nodeHex: '33333333333333333333333333333333' });
  joinServers(world, far, server);
  far.elsewhere = async () => [{ kind: 'peer', peer: server.nodeHex, uri: 'sip:dave@example.org' }];
  const dave = await world.registered(server, 'dave', '192.0.2.40');
  await world.run(dave.register(3600));
  const carol = await world.registered(far, 'carol', '192.0.2.30');
  const before = dave.datagramsFrom.length;
  await world.clock.advance(50 * 60_000);
  t.is(dave.datagramsFrom.length, before);
  t.is((await world.run(carol.call('sip:dave@example.org'))).status, 200);
  await world.clock.advance(100);
  t.deepEqual(dave.methods, ['INVITE', 'ACK']);
  t.deepEqual([...new Set(dave.datagramsFrom)], [server.host]);
});

test('P4, RFC 5626 §7: a call from another peer finds the flow that stands, and so does its dialog later', async (t) => {
  const { world, server, older, newer } = await setup();
  const far = await TestServer.start(world, '192.0.2.3', { nodeHex: '33333333333333333333333333333333' });
  joinServers(world, far, server);
  far.elsewhere = async () => [{ kind: 'peer', peer: server.nodeHex, uri: BOB }];
  const carol = await world.registered(far, 'carol', '192.0.2.30');
  await world.run(newer.reconnect());
  await world.clock.advance(100);
  const call = await world.run(carol.call(BOB));
  t.is(call.status, 200);
  await world.clock.advance(100);
  t.deepEqual(older.methods, ['INVITE', 'ACK']);
  t.is((await world.run(newer.register())).status, 200);
  await world.run(older.reconnect());
  await world.clock.advance(100);
  t.is((await world.run(carol.inDialog(call.dialog!))).status, 200);
  t.deepEqual(newer.methods, ['BYE']);
});
