import test from 'ava';
import { blast } from '../support/blast.ts';
import { startGateway } from '../support/gateway.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

// How many calls succeed under which load, and how soon, is measured by the soak test; this one shows that what does it is there.

const FLOOD = { user: 'busy', perSecond: 10_000, seconds: 6 };

test('C: one address floods the server with INVITEs: they are turned away, calls of others go on, and it is over', async (t) => {
  t.timeout(120_000);
  const gateway = await startGateway(t, async (port) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { domains: ['example.org'], auth: 'none', listen: ['udp://127.0.0.1:0'], allow: ['127.0.0.0/8'] },
  }));
  const port = gateway.sipPort('udp');
  const phone = await TestPhone.open(t, { port });
  const victim = await TestPhone.open(t, { port, incoming: 486 });
  await phone.register('bob');
  await victim.register(FLOOD.user);
  const metric = async (name: string) => {
    const line = (await gateway.metrics()).split('\n').find((one) => one.startsWith(name));
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  const flood = blast({ port, ...FLOOD });
  await eventually('the overload', 30_000, async () => (await metric('sip_overload ')) === 1);
  const calls = await Promise.all(Array.from({ length: 10 }, () => phone.call('alice', 'bob')));
  const statuses = calls.map(({ status }) => status);
  t.log(`${await flood} INVITEs, calls meanwhile: ${statuses.join(' ')}`);
  t.true(statuses.filter((status) => status === 200).length >= 8, `${statuses}`);

  await eventually('the end of it', 30_000, async () => (await metric('sip_overload ')) === 0);
  const [refused, ignored] = [
    await metric('sip_overload_rejected_total{method="INVITE"}'),
    await metric('sip_overload_ignored_total '),
  ];
  t.log(`${refused} got 503, ${ignored} nothing`);
  t.true(refused + ignored > 0);
  t.regex(gateway.stderr, /SIP overload: new requests are turned away busiest=127\.0\.0\.9/);
  t.regex(gateway.stderr, /SIP overload is over/);
  t.is((await phone.call('alice', 'bob')).status, 200);
});
