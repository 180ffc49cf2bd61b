import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { noMetrics } from '../../src/base/index.ts';
import { nameServer } from '../../src/net/dns/name-server.ts';
import { SystemDns, SystemNetwork, systemClock, systemRandom } from '../../src/net/index.ts';
import { startDnsmasq } from '../support/dnsmasq.ts';
import { startDomain } from '../support/foreign-domains.ts';
import { requireKamailioWithTls, startKamailio } from '../support/kamailio.ts';
import { freePort, freeServerPort } from '../support/ports.ts';
import { requirePrograms } from '../support/programs.ts';
import { projectRoot } from '../support/project.ts';
import { statusOf } from '../support/sip-text.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { TestPhone } from '../support/test-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';

// The names are dnsmasq's, the servers of other domains SIPp and Kamailio: only the gateway is ours.

const NAPTR_SERVICES = { udp: 'SIP+D2U', tcp: 'SIP+D2T', tls: 'SIPS+D2T' };

/** SIPp that takes one call on this port; gives its exit code, 0 when the call went as it should to its BYE. */
function sippTakesOneCall(t: ExecutionContext, transport: 'udp' | 'tcp', port: number): Promise<number> {
  const scenario = path.join(projectRoot, 'sipp-scenarios/phone-answers.xml');
  const child = spawn(
    'sipp',
    [
      ...['-sf', scenario, '-i', '127.0.0.1', '-p', String(port), '-t', `${transport[0]}1`, '-nostdin'],
      ...['-m', '1', '-d', '100', '-timeout', '40s', '-timeout_error'],
    ],
    { cwd: temporaryDirectory('sipp'), stdio: 'ignore' },
  );
  t.teardown(() => child.kill('SIGKILL'));
  return once(child, 'exit').then(([code]) => Number(code));
}

test.serial(
  'RFC 3263: NAPTR, SRV, addresses, aliases and absence as dnsmasq tells them, over UDP and TCP',
  async (t) => {
    if (!requirePrograms(t, 'dnsmasq')) return;
    const many = Array.from(
      { length: 40 },
      (_, i) => `--srv-host=_sip._tcp.many.test,h${i}.many.test,5060,${i}`,
    );
    const server = await startDnsmasq(t, [
      '--naptr-record=other.test,50,51,s,SIP+D2U,,_sip._udp.other.test',
      '--srv-host=_sip._udp.other.test,sip1.other.test,5070,10,60',
      '--host-record=sip1.other.test,192.0.2.7,2001:db8::7,60',
      '--cname=www.other.test,sip1.other.test',
      ...many,
    ]);
    const deps = {
      network: new SystemNetwork(),
      clock: systemClock,
      random: systemRandom,
      metrics: noMetrics,
    };
    const dns = new SystemDns(deps, { servers: [nameServer(server)] });
    t.deepEqual(await dns.naptr('other.test'), [
      {
        order: 50,
        preference: 51,
        flags: 's',
        service: 'SIP+D2U',
        regexp: '',
        replacement: '_sip._udp.other.test',
      },
    ]);
    t.deepEqual(await dns.srv('_sip._udp.other.test'), [
      { priority: 10, weight: 60, port: 5070, target: 'sip1.other.test' },
    ]);
    for (const name of ['sip1.other.test', 'www.other.test']) {
      t.deepEqual((await dns.lookup(name)).toSorted(), ['192.0.2.7', '2001:db8::7'], name);
    }
    // More than a datagram holds; 32 are looked at.
    t.is((await dns.srv('_sip._tcp.many.test')).length, 32);
    t.deepEqual(await dns.srv('_sip._udp.nowhere.test'), []);
    t.deepEqual(await dns.lookup('nowhere.test'), []);
  },
);

for (const transport of ['udp', 'tcp'] as const) {
  test.serial(
    `A40: a call over ${transport} reaches SIPp in a domain that dnsmasq knows, past a dead server, and comes to its end`,
    async (t) => {
      if (!requirePrograms(t, 'dnsmasq', 'sipp')) return;
      const port = await freeServerPort();
      const dead = await freePort();
      const service = `_sip._${transport}.other.test`;
      const dns = await startDnsmasq(t, [
        `--naptr-record=other.test,50,50,s,SIP+D2${transport[0]!.toUpperCase()},,${service}`,
        `--srv-host=${service},sip1.other.test,${dead},10`,
        `--srv-host=${service},sip2.other.test,${port},20`,
        '--host-record=sip1.other.test,127.0.0.1',
        '--host-record=sip2.other.test,127.0.0.1',
      ]);
      const gateway = await startDomain(t, 'a.test', { dns });
      const taken = sippTakesOneCall(t, transport, port);
      const phone = await TestPhone.open(t, { domain: 'a.test', port: gateway.sipPort('udp') });
      const call = await phone.call('alice', 'bob@other.test');
      t.is(call.status, 200);
      t.true(call.rang);
      if (call.dialog === undefined) return t.fail('no dialog');
      t.is(await phone.bye(call.dialog), 200);
      t.is(await taken, 0);
    },
  );
}

for (const transport of ['udp', 'tcp', 'tls'] as const) {
  test.serial(
    `A7, A40: users of a Kamailio in another domain are called by name over ${transport}, and call ours`,
    async (t) => {
      if (!requirePrograms(t, 'dnsmasq', 'kamailio')) return;
      if (transport === 'tls' && !requireKamailioWithTls(t)) return;
      const [port, tlsPort] = [await freeServerPort(), await freeServerPort()];
      const files = sipTlsFiles({ dnsNames: ['kamailio.test'], ipAddresses: [] });
      const service = transport === 'tls' ? '_sips._tcp.kamailio.test' : `_sip._${transport}.kamailio.test`;
      const dns = await startDnsmasq(t, [
        `--naptr-record=kamailio.test,50,50,s,${NAPTR_SERVICES[transport]},,${service}`,
        `--srv-host=${service},sip.kamailio.test,${transport === 'tls' ? tlsPort : port},10`,
        '--host-record=sip.kamailio.test,127.0.0.1',
      ]);
      const gateway = await startDomain(t, 'a.test', {
        ...{ dns, 'tls-ca': files.authority, tls: { cert: files.cert, key: files.key } },
        listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', 'tls://127.0.0.1:0'],
      });
      await startKamailio(t, {
        ...{ port, role: 'registrar', domain: 'kamailio.test', transport },
        gatewayPort: gateway.sipPort(transport),
        ...(transport === 'tls' && { tls: { port: tlsPort, cert: files.cert, key: files.key } }),
      });
      const alice = await TestPhone.open(t, { domain: 'a.test', port: gateway.sipPort('udp') });
      const carol = await TestPhone.open(t, { domain: 'kamailio.test', port });
      t.is(statusOf(await alice.register('alice')), 200);
      t.is(statusOf(await carol.register('carol')), 200);
      const vias = (phone: TestPhone) => phone.received[0]?.headers.get('via')?.join(', ') ?? '';

      const out = await alice.call('alice', 'carol@kamailio.test');
      t.is(out.status, 200, gateway.stderr);
      t.regex(vias(carol), new RegExp(`SIP/2\\.0/${transport.toUpperCase()} `));
      t.is(statusOf(await alice.reinvite(out.dialog!)), 200);
      t.is(await carol.bye(carol.answered[0]!), 200);

      const back = await carol.call('carol', 'alice@a.test');
      t.is(back.status, 200);
      t.regex(vias(alice), new RegExp(`SIP/2\\.0/${transport.toUpperCase()} `));
      t.is(statusOf(await alice.reinvite(alice.answered[0]!)), 200);
      t.is(await carol.bye(back.dialog!), 200);
      t.deepEqual(alice.hungUp, [out.dialog?.callId, back.dialog?.callId]);
    },
  );
}
