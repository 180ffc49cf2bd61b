import test from 'ava';
import type { HoldersView } from '../../src/gateway/admin/peer-admin.ts';
import type { CallDetail, CallPage } from '../../src/gateway/calls/call-views.ts';
import type { GatewayProcess } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

const USERS = ['alice', ...Array.from({ length: 30 }, (_, i) => `user${i}`)];

test('a call is listed at both peers by its Call-ID, with the Fetch and the AppAttach behind it', async (t) => {
  t.timeout(90_000);
  const users = USERS.map((user) => ({ aor: `${user}@example.org`, password: 'secret' }));
  const peers = await startOverlay(t, ['proxy', 'off', 'proxy'], { users });
  const [caller, , callee] = peers as [GatewayProcess, GatewayProcess, GatewayProcess];
  // Whose record the caller's peer has to ask another peer for.
  const holders = await Promise.all(
    USERS.slice(1).map((user) => caller.admin<HoldersView>(`/holders/${user}@example.org`)),
  );
  const remote = holders.find(({ responsible }) => responsible !== caller.nodeId);
  if (remote === undefined) return t.fail(`all records of ${USERS.length} users at one peer of three`);
  t.true(peers.some(({ nodeId }) => nodeId === remote.responsible));
  t.is(new Set([remote.responsible, ...remote.replicas]).size, 3);
  const user = remote.aor.split('@', 1)[0]!;

  const [phone1, phone2] = [
    await TestPhone.open(t, { port: caller.sipPort() }),
    await TestPhone.open(t, { port: callee.sipPort() }),
  ];
  await phone2.register(user);
  const { status, dialog } = await phone1.call('alice', user);
  t.is(status, 200);
  const listed = async (peer: GatewayProcess) => (await peer.admin<CallPage>('/calls')).items[0];
  t.like(await listed(caller), { from: 'alice@example.org', to: remote.aor, state: 'talking' });
  t.is(await phone1.bye(dialog!), 200);
  const over = await eventually('the end at both peers', 5_000, async () => {
    const calls = await Promise.all([listed(caller), listed(callee)]);
    return calls.every((call) => call?.state === 'over') ? calls : undefined;
  });
  t.deepEqual(
    over.map((call) => [call!.callId, call!.endedBy]),
    [
      [dialog!.callId, 'caller'],
      [dialog!.callId, 'caller'],
    ],
  );

  const { steps } = await caller.admin<CallDetail>(`/calls/${over[0]!.id}`);
  const ladder = steps.map(({ direction, label }) => `${direction} ${label}`);
  const places = [
    ...['in INVITE', 'out 407 Proxy Authentication Required', 'out fetch_req', 'in fetch_ans'],
    ...['out app_attach_req', 'out INVITE', 'in BYE', 'out BYE'],
  ].map((step) => ladder.indexOf(step));
  t.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
    ladder.join(', '),
  );
  t.false(places.includes(-1), ladder.join(', '));
  const between = steps.filter(({ protocol, peer }) => protocol === 'sip' && peer !== undefined);
  t.true(between.length > 0 && between.every(({ peer }) => peer === callee.nodeId));
});
