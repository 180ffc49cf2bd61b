import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { startKamailio } from '../support/kamailio.ts';
import { freeServerPort } from '../support/ports.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { projectRoot } from '../support/project.ts';
import { addresses, header, methodOf, statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

const RUNNER = path.join(projectRoot, 'sipp-scenarios/run.sh');

// Kamailio sends on nothing within a dialog but what carries the route set (test/fixtures/kamailio.cfg).

test('A7, RFC 3261 §16.12: calls between our users and those of a Kamailio pass both ways, and follow the route set to their end', async (t) => {
  if (!requirePrograms(t, 'kamailio')) return;
  const { gateway, kamailioPort } = await gatewayAndKamailio(t, 'registrar');
  const domain = `127.0.0.1:${kamailioPort}`;
  const ours = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  const theirs = await TestPhone.open(t, { port: kamailioPort, domain });
  t.is(statusOf(await ours.register('alice')), 200);
  t.is(statusOf(await theirs.register('carol')), 200);

  const ports = [gateway.sipPort('udp'), kamailioPort];
  await callFromEndToEnd(
    t,
    { phone: ours, user: 'alice' },
    { phone: theirs, user: `carol@${domain}` },
    ports,
  );
  await callFromEndToEnd(
    t,
    { phone: theirs, user: 'carol' },
    { phone: ours, user: 'alice@example.org' },
    ports.toReversed(),
  );
});

test('A7, RFC 3327 §5: a phone registers through a Kamailio in front of us, and calls pass both ways along its Path', async (t) => {
  if (!requirePrograms(t, 'kamailio')) return;
  const { gateway, kamailioPort } = await gatewayAndKamailio(t, 'edge');
  const inside = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  const behind = await TestPhone.open(t, { port: kamailioPort });
  t.is(statusOf(await inside.register('alice')), 200);
  t.is(statusOf(await behind.register('bob')), 200);

  const ports = [gateway.sipPort('udp'), kamailioPort];
  await callFromEndToEnd(t, { phone: inside, user: 'alice' }, { phone: behind, user: 'bob' }, ports);
  await callFromEndToEnd(
    t,
    { phone: behind, user: 'bob' },
    { phone: inside, user: 'alice' },
    ports.toReversed(),
  );
});

for (const transport of ['udp', 'tcp'] as const) {
  test(`A7: calls, refusals and CANCELs of SIPp pass a Kamailio in front of us in both directions, it and us over ${transport}`, async (t) => {
    if (!requirePrograms(t, 'kamailio', 'sipp', 'bash')) return;
    const { gateway, kamailioPort } = await gatewayAndKamailio(t, 'edge', transport);
    const servers = [`127.0.0.1:${gateway.sipPort('udp')}`, `127.0.0.1:${kamailioPort}`];
    for (const [server, registrar] of [servers, servers.toReversed()]) {
      for (const scenario of ['call', 'cancel', 'busy']) {
        const env = { SERVER: server!, REGISTRAR: registrar! };
        const { code, stdout } = await run(RUNNER, [scenario], { env });
        t.is(code, 0, stdout);
      }
    }
  });
}

async function gatewayAndKamailio(
  t: ExecutionContext,
  role: 'edge' | 'registrar',
  transport: 'udp' | 'tcp' = 'udp',
) {
  const gateway: GatewayProcess = await startGateway(t, async (port) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { domains: ['example.org'], listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'] },
  }));
  const kamailioPort = await freeServerPort();
  await startKamailio(t, { port: kamailioPort, gatewayPort: gateway.sipPort(transport), role, transport });
  return { gateway, kamailioPort };
}

interface Party {
  phone: TestPhone;
  user: string;
}

/** INVITE, 180, 200, ACK, a re-INVITE of each side, and BYE: twice, so that each side hangs up once. */
async function callFromEndToEnd(t: ExecutionContext, caller: Party, callee: Party, proxies: number[]) {
  for (const byCallee of [false, true]) {
    const call = await caller.phone.call(caller.user, callee.user);
    t.is(call.status, 200);
    t.true(call.rang);
    t.deepEqual(portsOf(addresses(call.final, 'record-route')), proxies.toReversed());
    const dialog = call.dialog;
    const answered = callee.phone.answered.at(-1);
    if (dialog === undefined || answered === undefined) return t.fail('no dialog');
    t.deepEqual(portsOf(answered.routes), proxies.toReversed());
    const { callId } = dialog;
    await arrives(t, callee.phone, callId, 'ACK', dialog.cseq);

    t.is(statusOf(await caller.phone.reinvite(dialog)), 200);
    await arrives(t, callee.phone, callId, 'INVITE', dialog.cseq);
    await arrives(t, callee.phone, callId, 'ACK', dialog.cseq);
    t.is(statusOf(await callee.phone.reinvite(answered)), 200);
    await arrives(t, caller.phone, callId, 'INVITE', answered.cseq);
    await arrives(t, caller.phone, callId, 'ACK', answered.cseq);

    const [ending, ended, its] = byCallee
      ? [callee.phone, caller.phone, answered]
      : [caller.phone, callee.phone, dialog];
    t.is(await ending.bye(its), 200);
    await arrives(t, ended, callId, 'BYE', its.cseq);
  }
}

/** It came through both proxies, which took their own Routes off, to the very phone (RFC 3261 §16.12). */
async function arrives(t: ExecutionContext, phone: TestPhone, callId: string, method: string, cseq: number) {
  const request = await eventually(`${method} ${cseq}`, 5_000, () =>
    phone.received.find(
      (one) =>
        header(one, 'call-id') === callId &&
        methodOf(one) === method &&
        header(one, 'cseq') === `${cseq} ${method}`,
    ),
  );
  const vias = (request.headers.get('via') ?? []).flatMap((line) => line.match(/SIP\/2\.0\/UDP/g) ?? []);
  t.is(vias.length, 3, `${method}: ${request.headers.get('via')}`);
  t.is(request.headers.get('route'), undefined);
  t.regex(request.start, new RegExp(`@127\\.0\\.0\\.1:${phone.port}\\b`));
}

function portsOf(uris: readonly string[]): number[] {
  return uris.map((uri) => Number(/127\.0\.0\.1:(\d+)/.exec(uri)?.[1]));
}
