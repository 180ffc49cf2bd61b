import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import test from 'ava';
import { type ConfigObject, startGateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

// Restarts keep their ports, as a real server's do.

interface Ports {
  link: number;
  sip: number;
  bootstrap?: number;
}

function config({ link, sip, bootstrap }: Ports): ConfigObject {
  const start = bootstrap === undefined ? { first: true } : { bootstrap: [`tls://127.0.0.1:${bootstrap}`] };
  return {
    overlay: { name: 'example.org', listen: [`tls://127.0.0.1:${link}`], ...start },
    sip: { domains: ['example.org'], listen: [`udp://127.0.0.1:${sip}`] },
  };
}

async function ports(bootstrap?: number): Promise<Ports> {
  const own = { link: await freePort(), sip: await freePort() };
  return bootstrap === undefined ? own : { ...own, bootstrap };
}

test.serial('P1: a registration that was acknowledged is there after kill -9 and a new start', async (t) => {
  const where = await ports();
  const gateway = await startGateway(t, config(where));
  const phone = await TestPhone.open(t, { port: where.sip });
  t.is(statusOf(await phone.register('bob')), 200);
  await gateway.kill9();
  const again = await startGateway(t, config(where), { directory: gateway.directory });
  t.is(again.nodeId, gateway.nodeId);
  const attempt = await phone.call('alice', 'bob');
  t.is(attempt.status, 200, attempt.final.start);
});

test.serial(
  "A31: a call outlives the restart of the callee's peer: BYE arrives from either phone",
  async (t) => {
    const near = await ports();
    const far = await ports(near.link);
    await startGateway(t, config(near));
    const farPeer = await startGateway(t, config(far));
    const caller = await TestPhone.open(t, { port: near.sip });
    const callee = await TestPhone.open(t, { port: far.sip });
    t.is(statusOf(await callee.register('bob')), 200);

    const calls = [await caller.call('alice', 'bob'), await caller.call('alice', 'bob')];
    for (const call of calls) t.is(call.status, 200, call.final.start);
    await farPeer.kill9();
    await startGateway(t, config(far), { directory: farPeer.directory });

    const byCaller = calls[0]?.dialog;
    t.is(byCaller && (await caller.bye(byCaller)), 200);
    await eventually("the caller's BYE at the callee", 5000, () =>
      callee.hungUp.includes(byCaller?.callId ?? ''),
    );
    const byCallee = callee.answered.find(({ callId }) => callId === calls[1]?.dialog?.callId);
    t.is(byCallee && (await callee.bye(byCallee)), 200);
    await eventually("the callee's BYE at the caller", 5000, () =>
      caller.hungUp.includes(byCallee?.callId ?? ''),
    );
  },
);

test.serial('a port in use: exit 2 and one line that names it', async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const error = await t.throwsAsync(startGateway(t, config({ link: port, sip: await freePort() })));
  t.regex(error?.message ?? '', /ended with 2 before/);
  const lines = (error?.message ?? '')
    .split('\n')
    .slice(1)
    .filter((line) => line.includes(String(port)));
  t.true(lines.length >= 1, error?.message);
});
