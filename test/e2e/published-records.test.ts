import path from 'node:path';
import test from 'ava';
import { documentedZone } from '../support/documented-zone.ts';
import { openNameServer, startDomain } from '../support/foreign-domains.ts';
import { freeServerPort } from '../support/ports.ts';
import { projectRoot } from '../support/project.ts';
import { header, methodOf, statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';

const NOBODY = '127.0.92.8';

for (const [transport, services] of [
  ['TLS', /.*/],
  ['TCP', /^(?!_sips)/],
  ['UDP', /^_sip\._udp/],
] as const) {
  test.serial(
    `A40: with the records of docs/operations.md users are called over ${transport}, and the call comes to its end from either side`,
    async (t) => {
      const files = sipTlsFiles({ dnsNames: ['example.org'], ipAddresses: [] });
      const names = await openNameServer(t);
      const dns = names.toString();
      const port = await freeServerPort();
      const home = await startDomain(t, 'example.org', {
        dns,
        listen: [`udp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port}`, 'tls://127.0.0.1:0'],
        tls: { cert: files.cert, key: files.key },
        'tls-ca': files.authority,
      });
      const zone = documentedZone(path.join(projectRoot, 'docs/operations.md'), 'example.org', {
        address: (written) => (written === '192.0.2.7' ? '127.0.0.1' : NOBODY),
        port: (_written, _host, service) => (service.startsWith('_sips') ? home.sipPort('tls') : port),
      });
      // A domain without some of the transports leaves their lines out.
      names.records = zone.filter((record) => {
        const service = record.type === 'NAPTR' ? record.data.replacement : record.name;
        return !service.startsWith('_') || services.test(service);
      });
      const away = await startDomain(t, 'a.test', { dns, 'tls-ca': files.authority });
      const bob = await TestPhone.open(t, { domain: 'example.org', port });
      t.is(statusOf(await bob.register('bob')), 200);
      const alice = await TestPhone.open(t, { domain: 'a.test', port: away.sipPort('udp') });

      const call = await alice.call('alice', 'bob@example.org');
      t.is(call.status, 200);
      if (call.dialog === undefined) return t.fail('no dialog');
      const invite = bob.received.find((request) => methodOf(request) === 'INVITE');
      const vias = invite?.headers.get('via')?.join(', ') ?? '';
      t.regex(vias, new RegExp(`SIP/2\\.0/${transport} `), vias);
      t.regex(header(invite!, 'from'), /sip:alice@a\.test/);
      t.is(statusOf(await bob.reinvite(bob.answered[0]!)), 200);
      t.is(await alice.bye(call.dialog), 200);

      const second = await alice.call('alice', 'bob@example.org');
      t.is(second.status, 200);
      t.is(await bob.bye(bob.answered[1]!), 200);
      t.deepEqual(alice.hungUp, [second.dialog?.callId]);
    },
  );
}
