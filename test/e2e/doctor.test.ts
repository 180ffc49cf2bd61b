import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { buildSelfSignedCertificate } from '../../src/reload/security/certificate-builder.ts';
import { createSelfSignedIdentity, saveIdentity } from '../../src/reload/security/identity.ts';
import { formatNodeUri } from '../../src/reload/security/reload-uri.ts';
import { startGateway } from '../support/gateway.ts';
import { cli, run } from '../support/process.ts';
import { cliPath } from '../support/project.ts';

// P7: each fault is planted, and the doctor as operators start it has to find it and name its mend.

interface Finding {
  check: string;
  verdict: 'ok' | 'warn' | 'fail';
  detail: string;
  mend?: string;
}

const healthy = `
overlay: { name: example.org, first: true, listen: 'tls://127.0.0.1:0' }
sip: { listen: [udp://127.0.0.1:0, tcp://127.0.0.1:0] }
users: users.yaml
admin: http://127.0.0.1:0
`;

interface Patient {
  directory: string;
  file: string;
  sets: string[];
}

function patient(t: ExecutionContext): Patient {
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-doctor-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'gateway.yaml');
  writeFileSync(file, healthy);
  const users = 'users: [{ aor: alice@example.org, password: secret }]';
  writeFileSync(path.join(directory, 'users.yaml'), users, { mode: 0o600 });
  return { directory, file, sets: [] };
}

function command({ file, sets }: Patient): string[] {
  return ['doctor', '-c', file, '--json', ...sets.flatMap((set) => ['--set', set])];
}

interface Fault {
  name: string;
  plant(t: ExecutionContext, patient: Patient): void | Promise<void>;
  check: string;
  verdict: 'warn' | 'fail';
  detail: RegExp;
  mend: RegExp;
}

const deps = (year: number) => ({
  clock: new VirtualClock({ startMs: Date.UTC(year, 0, 1) }),
  random: new SeededRandom(7),
});

/** What an earlier run would have left: key and certificate. */
function leaveIdentity(
  { directory }: Patient,
  identity: Parameters<typeof saveIdentity>[0],
  der?: Uint8Array,
) {
  const { certificate, privateKey } = saveIdentity(identity);
  const base64 = Buffer.from(der ?? new Uint8Array(0)).toString('base64');
  const other = `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const data = path.join(directory, 'data');
  mkdirSync(data, { mode: 0o700 });
  const text = privateKey + (der === undefined ? certificate : other);
  writeFileSync(path.join(data, 'identity.pem'), text, { mode: 0o600 });
}

const faults: Fault[] = [
  {
    name: 'port taken',
    async plant(t, { sets }) {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.teardown(() => server.close());
      sets.push(`sip.listen=[tcp://127.0.0.1:${(server.address() as AddressInfo).port}]`);
    },
    check: 'sip.listen[0]',
    verdict: 'fail',
    detail: /^TCP 127\.0\.0\.1:\d+ is in use$/,
    mend: /^stop the program that has it .* or change the port$/,
  },
  {
    name: 'clock off',
    plant(_, { file }) {
      const later = Date.now() / 1000 + 3600;
      utimesSync(file, later, later);
    },
    check: 'clock',
    verdict: 'fail',
    detail: /gateway\.yaml was written at 20/,
    mend: /^set the clock \(NTP\)/,
  },
  {
    name: 'certificate expired',
    plant: (_, where) =>
      leaveIdentity(where, createSelfSignedIdentity(deps(2005), { overlay: 'example.org' })),
    check: 'data',
    verdict: 'warn',
    detail: /^this peer's own: certificate of [0-9a-f]{32} is valid until 2014-/,
    mend: /^start it: it makes a new one for the same key$/,
  },
  {
    name: 'certificate of another overlay',
    plant: (_, where) => leaveIdentity(where, createSelfSignedIdentity(deps(2026), { overlay: 'other.org' })),
    check: 'data',
    verdict: 'fail',
    detail: /^this peer's own: certificate of [0-9a-f]{32} is for overlay other\.org$/,
    mend: /^name the data directory of a peer of example\.org/,
  },
  {
    name: 'Node-ID mismatch',
    plant(_, where) {
      const identity = createSelfSignedIdentity(deps(2026), { overlay: 'example.org' });
      const wanted = {
        spki: identity.certificate.spki,
        nodeUris: [formatNodeUri('ab'.repeat(16), 'example.org')],
        userName: `${'ab'.repeat(16)}@example.org`,
        serial: Buffer.alloc(8, 1),
        notBefore: identity.certificate.notBefore,
        notAfter: identity.certificate.notAfter,
      };
      leaveIdentity(where, identity, buildSelfSignedCertificate(wanted, identity.privateKey));
    },
    check: 'data',
    verdict: 'fail',
    detail: /Node-ID (ab){16} is not the sha256 of its key$/,
    mend: /^bring .*identity\.pem back from a backup, or take it away/,
  },
  {
    name: 'Node-ID that the list of peers lacks',
    plant(_, where) {
      leaveIdentity(where, createSelfSignedIdentity(deps(2026), { overlay: 'example.org' }));
      where.sets.push(`overlay.allow=[${'cd'.repeat(16)}]`);
    },
    check: 'overlay.allow',
    verdict: 'fail',
    detail: /Node-ID [0-9a-f]{32} is not allowed here$/,
    mend: /^put this Node-ID into overlay\.allow of all peers$/,
  },
  {
    name: 'unreachable bootstrap',
    plant: (_, { sets }) => void sets.push('overlay.first=false', 'overlay.bootstrap=[tls://127.0.0.1:1]'),
    check: 'overlay.bootstrap[0]',
    verdict: 'fail',
    detail: /^127\.0\.0\.1:1 cannot be reached/,
    mend: /^start that peer, open the way to it/,
  },
  {
    name: 'bootstrap peer of another overlay',
    async plant(t, { sets }) {
      const overlay = { name: 'other.org', first: true, listen: ['tls://127.0.0.1:0'] };
      const peer = await startGateway(t, { overlay, sip: { mode: 'off' } });
      const { overlayListen } = await peer.admin<{ overlayListen: string[] }>('/status');
      sets.push(`overlay.bootstrap=[${overlayListen[0]}]`);
    },
    check: 'overlay.bootstrap[0]',
    verdict: 'fail',
    detail: /certificate of [0-9a-f]{32} is for overlay other\.org$/,
    mend: /^name a peer of this overlay, or write its name as all its peers do/,
  },
  {
    name: 'DNS missing: a peer',
    plant: (_, { sets }) => void sets.push('overlay.bootstrap=[tls://nobody.invalid:6084]'),
    check: 'overlay.bootstrap[0]',
    verdict: 'warn',
    detail: /nobody\.invalid/,
    mend: /^(add an A or AAAA record|check \/etc\/resolv\.conf), or write the IP address$/,
  },
  {
    name: 'DNS missing: the domain',
    plant(_, { directory, sets }) {
      const users = 'users: [{ aor: alice@sip.invalid, password: secret }]';
      writeFileSync(path.join(directory, 'users.yaml'), users);
      sets.push('sip.listen=[udp://0.0.0.0:0]', 'sip.domains=[sip.invalid]');
    },
    check: 'dns',
    verdict: 'warn',
    detail: /sip\.invalid/,
    mend: /^(add records \(_sip\._udp\.sip\.invalid SRV|check the name servers)/,
  },
  {
    name: 'secrets that others can read',
    plant: (_, { directory }) => chmodSync(path.join(directory, 'users.yaml'), 0o644),
    check: 'secrets',
    verdict: 'warn',
    detail: /users\.yaml holds secrets and others can read it \(mode 644\)$/,
    mend: /^chmod 600 .*users\.yaml$/,
  },
  {
    name: 'a key in the data directory that others can read',
    plant(_, where) {
      leaveIdentity(where, createSelfSignedIdentity(deps(2026), { overlay: 'example.org' }));
      chmodSync(path.join(where.directory, 'data'), 0o755);
      chmodSync(path.join(where.directory, 'data', 'identity.pem'), 0o640);
    },
    check: 'secrets',
    verdict: 'warn',
    detail: /identity\.pem holds secrets and others can read it \(mode 640\)$/,
    mend: /^chmod 600 .*identity\.pem$/,
  },
  {
    name: 'a media relay that does not answer',
    plant: (_, { sets }) => void sets.push('media={relay: nat, rtpengine: udp://127.0.0.1:9}'),
    check: 'media',
    verdict: 'warn',
    detail: /^the media relay 127\.0\.0\.1:9 does not answer$/,
    mend: /^start it \(rtpengine --listen-ng=127\.0\.0\.1:9\), or write media: never$/,
  },
  {
    name: 'port for SIP between peers not fixed',
    plant: (_, { sets }) => void sets.push('overlay.listen=[tls://0.0.0.0:0]', 'overlay.open=true'),
    check: 'overlay.sip-link',
    verdict: 'warn',
    detail: /no firewall can let them through$/,
    mend: /^choose one \(overlay\.sip-link: 6085\)/,
  },
];

/** What it says where nothing is planted: one run for all. */
let sound: Promise<Finding[]> | undefined;
async function examine(where: Patient): Promise<Finding[]> {
  return JSON.parse((await cli(...command(where))).stdout) as Finding[];
}

// One after the other: each is a process or two.
for (const { name, plant, check, verdict, detail, mend } of faults) {
  test.serial(`P7: the doctor finds: ${name}`, async (t) => {
    const where = patient(t);
    sound ??= examine(where);
    t.false((await sound).some((finding) => finding.check === check && detail.test(finding.detail)));
    await plant(t, where);
    const { code, stdout, stderr } = await cli(...command(where));
    const findings = JSON.parse(stdout) as Finding[];
    const found = findings.find((finding) => finding.check === check && finding.verdict === verdict);
    t.regex(found?.detail ?? '', detail, stdout);
    t.regex(found?.mend ?? '', mend);
    t.is(code, findings.some((finding) => finding.verdict === 'fail') ? 1 : 0, stderr);
  });
}

test.serial('P7: the doctor finds: SO_RCVBUF capped', async (t) => {
  const where = patient(t);
  const limit = path.join(where.directory, 'rmem_max');
  writeFileSync(limit, '212992\n');
  // In a mount namespace of its own, this process sees another limit than the host has.
  const script = 'mount --bind "$0" /proc/sys/net/core/rmem_max && shift && exec "$@"';
  const args = ['-m', 'sh', '-c', script, limit, 'x', process.execPath, cliPath, ...command(where)];
  const { stdout, stderr } = await run('unshare', args);
  if (/unshare|mount/.test(stderr)) return t.pass(`no mount namespaces here: ${stderr.trim()}`);
  const found = (JSON.parse(stdout) as Finding[]).find(({ check }) => check === 'udp buffer');
  t.like(found, { verdict: 'warn', mend: 'sysctl -w net.core.rmem_max=4194304' });
  t.regex(found?.detail ?? '', /^the kernel grants 212992 bytes/);
});
