import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ConfigError } from '../../../../src/gateway/config/config-error.ts';
import { type LoadedConfig, loadConfig } from '../../../../src/gateway/config/load-config.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { sipTlsFiles } from '../../../support/tls-files.ts';

interface Files {
  readonly config: string;
  readonly users?: string;
  readonly token?: string;
}

/** Writes the files into a directory of their own; gives the path of gateway.yaml. */
function write({ config, users, token }: Files): string {
  const directory = temporaryDirectory('config');
  const file = path.join(directory, 'gateway.yaml');
  writeFileSync(file, config);
  if (users !== undefined) writeFileSync(path.join(directory, 'users.yaml'), users, { mode: 0o600 });
  if (token !== undefined) writeFileSync(path.join(directory, 'token'), token, { mode: 0o600 });
  return file;
}

function load(config: string, sets: readonly string[] = []): LoadedConfig {
  return loadConfig(write({ config }), sets);
}

/** The message with the directory taken out. */
function refusal(t: ExecutionContext, files: Files, sets: readonly string[] = []): string {
  const file = write(files);
  const error = t.throws(() => loadConfig(file, sets), { instanceOf: ConfigError })!;
  t.notRegex(error.message, /\n/);
  return error.message.replaceAll(`${path.dirname(file)}/`, '').replaceAll(/\S*p2psip-config-\w+\//g, '');
}

const lone = `
overlay: { name: example.org, first: true }
sip: { auth: none }
`;

test('P7: a name and two words make a whole configuration; every other key has its default', (t) => {
  const { config, warnings } = load(lone);
  t.deepEqual(warnings, []);
  t.deepEqual(config.overlay, {
    name: 'example.org',
    document: undefined,
    server: undefined,
    enroll: undefined,
    serverAuthorities: undefined,
    first: true,
    role: 'peer',
    listen: [{ host: '127.0.0.1', port: 6084 }],
    advertise: [],
    bootstrap: [],
    sipLinkPort: 0,
    allow: undefined,
    sharedSecret: undefined,
    open: false,
    localDiscovery: false,
    keyType: 'ec',
  });
  t.deepEqual(config.sip, {
    mode: 'proxy',
    listen: [
      { transport: 'UDP', address: { host: '127.0.0.1', port: 5060 }, advertise: undefined },
      { transport: 'TCP', address: { host: '127.0.0.1', port: 5060 }, advertise: undefined },
    ],
    domains: ['example.org'],
    auth: 'none',
    digest: ['MD5'],
    expires: { min: 60, default: 3600, max: 7200 },
    maxContacts: 10,
    maxBindings: 250_000,
    serviceRoute: false,
    gruu: true,
    overload: true,
    emergency: ['112', '911'],
    public: [],
    tls: [],
    tlsAuthorities: [],
    allow: [],
    trunks: [],
  });
  t.deepEqual(config.admin, {
    ...{ listen: { host: '127.0.0.1', port: 8060 }, isSecure: false, token: undefined },
  });
  t.deepEqual(config.log, { level: 'info', format: 'text' });
  t.is(config.durability, 'commit');
  t.is(config.data, path.join(path.dirname(config.file), 'data'));
});

test('relative paths are relative to the file', (t) => {
  const { config } = load(`${lone}\ndata: ../elsewhere\ntrace: trace.hex`);
  const directory = path.dirname(config.file);
  t.is(config.data, path.join(directory, '../elsewhere'));
  t.is(config.trace?.file?.path, path.join(directory, 'trace.hex'));
});

test('P8: behind NAT other peers are told the addresses of the router', (t) => {
  const { overlay } = load(lone, ['overlay.advertise=[tls://203.0.113.7]']).config;
  t.deepEqual(overlay.advertise, [{ host: '203.0.113.7', port: 6084 }]);
});

test('media: a word says for which calls, a block also where the relay is', (t) => {
  const of = (text: string) => load(`${lone}\nmedia: ${text}`).config.media;
  t.is(load(lone).config.media, undefined);
  t.is(of('never'), undefined);
  t.deepEqual(of('nat'), { policy: 'nat', rtpengine: { host: '127.0.0.1', port: 2223 } });
  t.deepEqual(of('{ relay: always, rtpengine: udp://192.0.2.5 }'), {
    ...{ policy: 'always', rtpengine: { host: '192.0.2.5', port: 2223 } },
  });
  t.throws(() => of('sometimes'), { message: /media.*"sometimes" is not known; choose never, nat, always/ });
});

test('trace: a file by its name is hex or pcapng; a block says how much is kept, and names a capture server', (t) => {
  const traced = (text: string) => load(`${lone}\ntrace: ${text}`).config.trace;
  t.like(traced('x.hex'), { file: { format: 'hex' }, hep: undefined });
  t.like(traced('x.pcapng'), { file: { format: 'pcapng', maxBytes: 64_000_000, keep: 2 } });
  t.deepEqual(traced('{ hep: udp://192.0.2.9, capture-id: 7 }'), {
    file: undefined,
    hep: { server: { host: '192.0.2.9', port: 9060 }, captureId: 7 },
  });
  t.like(traced('{ file: x.pcapng, max-mb: 1, keep: 0 }'), { file: { maxBytes: 1_000_000, keep: 0 } });
  t.throws(() => traced('{ hep: tcp://192.0.2.9 }'), { message: /trace\.hep/ });
});

test('a key without a value counts as left out', (t) => {
  t.is(load(`${lone}\nusers:\nlog:\n`).config.log.level, 'info');
});

test('data: memory and admin: off', (t) => {
  const { config } = load(`${lone}\ndata: memory\nadmin: off`);
  t.is(config.data, 'memory');
  t.is(config.admin, undefined);
});

test('A8: sip.mode: off needs neither users nor SIP ports', (t) => {
  const { config } = load('overlay: { name: example.org, first: true }\nsip: { mode: off }\n');
  t.deepEqual(config.sip.listen, []);
});

test('listen addresses: IPv6, wildcard, localhost, default port, one alone without brackets', (t) => {
  const { config } = load(`
overlay: { name: example.org, first: true, listen: 'tls://[::1]', bootstrap: tls://peer.example.net }
sip: { auth: none, listen: ['udp://[::]:5070', udp://localhost, tcp://0.0.0.0:0] }
`);
  t.deepEqual(config.overlay.listen, [{ host: '::1', port: 6084 }]);
  t.deepEqual(config.overlay.bootstrap, [{ host: 'peer.example.net', port: 6084 }]);
  t.deepEqual(
    config.sip.listen.map(({ address }) => address),
    [
      { host: '::', port: 5070 },
      { host: '127.0.0.1', port: 5060 },
      { host: '0.0.0.0', port: 0 },
    ],
  );
});

test('P8: advertise goes to the listeners of its transport in their order', (t) => {
  const { config } = load(lone, [
    'sip.listen=[udp://0.0.0.0:5060, tcp://0.0.0.0:5060, udp://0.0.0.0:5080]',
    'sip.advertise=[udp://192.0.2.7:5060, tcp://gw.example.org, udp://192.0.2.7:6080]',
  ]);
  t.deepEqual(
    config.sip.listen.map(({ advertise }) => advertise),
    [
      { host: '192.0.2.7', port: 5060 },
      { host: 'gw.example.org', port: 5060 },
      { host: '192.0.2.7', port: 6080 },
    ],
  );
});

test('--set lays values over the file, making blocks and list places on the way', (t) => {
  const { config } = load(lone, [
    'sip.mode=redirect',
    'sip.listen[0]=tcp://127.0.0.1:0',
    'sip.expires.max=9000',
    'log.level=debug',
  ]);
  t.is(config.sip.mode, 'redirect');
  t.deepEqual(config.sip.listen, [
    { transport: 'TCP', address: { host: '127.0.0.1', port: 0 }, advertise: undefined },
  ]);
  t.is(config.sip.expires.max, 9000);
  t.is(config.log.level, 'debug');
});

test('an admin interface beyond loopback takes its token from a file', (t) => {
  const file = write({
    config: `${lone}\nadmin: { listen: http://0.0.0.0:8060, token-file: token }`,
    token: 'abcdefghijklmnopqrstuvwx\n',
  });
  t.is(loadConfig(file).config.admin?.token, 'abcdefghijklmnopqrstuvwx');
  t.deepEqual(loadConfig(file).warnings, []);
  chmodSync(path.join(path.dirname(file), 'token'), 0o644);
  t.regex(
    loadConfig(file).warnings[0]!,
    /token holds secrets and others can read it \(mode 644\): chmod 600 /,
  );
});

test('a self-signed overlay beyond loopback starts when it is open on purpose, or for a list of Node-IDs', (t) => {
  const wide = 'overlay.listen=[tls://0.0.0.0:6084]';
  t.true(load(lone, [wide, 'overlay.open=true']).config.overlay.open);
  const id = 'ABCDEF0123456789abcdef0123456789';
  t.deepEqual(load(lone, [wide, `overlay.allow=[${id}]`]).config.overlay.allow, [id.toLowerCase()]);
});

// Each line: what is laid over the file above, and the one line the operator gets to see.
const setFaults: readonly (readonly [sets: readonly string[], line: string])[] = [
  [
    ['admin=https://127.0.0.1:8060'],
    'admin: https shows a certificate of sip.tls, and there is none; write sip.tls: {cert: FILE, key: FILE}, or use http',
  ],
  [['sip.mode=prxy'], 'sip.mode: "prxy" is not known; choose proxy, redirect, off'],
  [['overlay.first=maybe'], 'overlay.first: "maybe" is not a yes or no; write true or false'],
  [['overlay.fist=true'], 'overlay.fist: is not a key of this version; did you mean first?'],
  [['log.colour=true'], 'log.colour: is not a key of this version; known here: level, format'],
  [
    ['overlay.name=Example.ORG'],
    'overlay.name: "Example.ORG" will not do; write a domain name in lower case, like example.org',
  ],
  [
    ['sip=proxy'],
    'sip: "proxy" is not a block of keys; give mode, listen, advertise, tls, tls-ca, dns, digest, expires, max-contacts, max-bindings, service-route, gruu, overload, emergency, allow, trunks, public, domains, auth',
  ],
  [
    ['sip.dns=ns.example.org'],
    'sip.dns[0]: "ns.example.org" will not do; give the address of a name server, like 192.0.2.53 or 127.0.0.1:5353',
  ],
  [
    ['sip.listen=[udp:/127.0.0.1]'],
    'sip.listen[0]: "udp:/127.0.0.1" is not an address; write it like udp://127.0.0.1:5060',
  ],
  [
    ['sip.listen=[udp://127.0.0.1:99999]'],
    'sip.listen[0]: "udp://127.0.0.1:99999" has a port beyond 65535; write it like udp://127.0.0.1:5060',
  ],
  [
    ['sip.listen=["udp://[::1"]'],
    'sip.listen[0]: "udp://[::1" is not an address; write it like udp://127.0.0.1:5060',
  ],
  [
    ['sip.listen=["udp://[::g]:1"]'],
    'sip.listen[0]: "udp://[::g]:1" is not an address; write it like udp://127.0.0.1:5060',
  ],
  [
    ['sip.listen=[udp://127.0.0.300:5060]'],
    'sip.listen[0]: "udp://127.0.0.300:5060" has a wrong host; write it like udp://127.0.0.1:5060',
  ],
  [
    ['sip.listen=[udp://gw.example.org:5060]'],
    'sip.listen[0]: "udp://gw.example.org:5060" names a host; give the IP address to listen on (0.0.0.0 or [::] for all)',
  ],
  [
    ['sip.listen=[http://127.0.0.1:5060]'],
    'sip.listen[0]: "http://127.0.0.1:5060" begins with http://; use udp:// tcp:// tls:// ws:// wss://',
  ],
  [['sip.listen=[]'], 'sip.listen: is empty; name an address, or write sip.mode: off'],
  [['sip.expires.min=soon'], 'sip.expires.min: "soon" is not a number; give a whole number from 1 to 86400'],
  [['sip.expires.min=0'], 'sip.expires.min: 0 is out of range; give a whole number from 1 to 86400'],
  [
    ['sip.expires.min=7000'],
    'sip.expires: min 7000, default 3600, max 7200 are not in order; make min <= default <= max',
  ],
  [
    ['sip.allow=[192.0.2.0/33]'],
    'sip.allow[0]: "192.0.2.0/33" will not do; give an address or prefix, like 192.0.2.0/24',
  ],
  [
    ['sip.public=[gw1.example.org]'],
    'sip.public[0]: "gw1.example.org" will not do; write a SIP URI, like sip:gw1.example.org:5060',
  ],
  [
    ['sip.advertise=[tls://192.0.2.7]'],
    'sip.advertise[0]: there is no tls:// listener left for it; add one to sip.listen, or take this out',
  ],
  [
    ['sip.auth=digest', 'users='],
    'users: sip.auth is digest, but there is no users file; name one (users: ./users.yaml), or write sip.auth: none',
  ],
  [
    ['overlay.first=false', 'overlay.bootstrap=[]'],
    'overlay.bootstrap: there is no peer to join through; name one (bootstrap: [tls://HOST:PORT]), or write first: true on the peer that starts the overlay',
  ],
  [
    ['overlay.bootstrap=[tls://127.0.0.1:6084]'],
    "overlay.bootstrap[0]: 127.0.0.1:6084 is this peer's own overlay.listen; name another peer of the overlay",
  ],
  [
    ['overlay.bootstrap=[tls://127.0.0.1:0]'],
    'overlay.bootstrap[0]: has port 0; give the port the other peer listens on',
  ],
  [['overlay.allow=[me]'], 'overlay.allow[0]: "me" will not do; give a Node-ID, 32 hex digits'],
  [
    ['overlay.listen=[tls://0.0.0.0:6084]'],
    'overlay.listen[0]: a self-signed overlay on 0.0.0.0:6084 lets anybody who reaches it answer for any user; give its peers a secret (overlay.shared-secret-file), list the Node-IDs that may join (overlay.allow), accept it (overlay.open: true), or listen on 127.0.0.1',
  ],
  [
    ['admin=http://0.0.0.0:8060'],
    'admin: 0.0.0.0:8060 is open to others without a token; write admin: {listen: URL, token-file: FILE}, or use 127.0.0.1',
  ],
  [['admin=ftp://127.0.0.1:8060'], 'admin: "ftp://127.0.0.1:8060" begins with ftp://; use http:// https://'],
  [
    ['admin=http://127.0.0.1:5060'],
    'admin: 127.0.0.1:5060 is taken by sip.listen[1] already; give one of them another port',
  ],
  [
    ['overlay.document=http://example.org/overlay.xml'],
    'overlay.document: http://example.org/overlay.xml is not an https URL of a configuration server; write https://HOST[:PORT]/ or, with the pin of its root, https://HOST[:PORT]/#sha256=HEX',
  ],
  [
    ['overlay.document=https://example.org/#sha256=12'],
    'overlay.document: https://example.org/#sha256=12 is not an https URL of a configuration server; write https://HOST[:PORT]/ or, with the pin of its root, https://HOST[:PORT]/#sha256=HEX',
  ],
  [
    ['overlay.ca-file=root.pem'],
    'overlay.ca-file: there is no server whose certificate it could prove; leave it out',
  ],
  [
    ['overlay.enroll={username: gw 1, password-file: gw1.pass}'],
    'overlay.enroll.username: "gw 1" will not do; give a name of printable ASCII',
  ],
  [
    ['overlay.role=client'],
    'overlay.role: the client role is not implemented in this version; use role: peer',
  ],
  [
    ['overlay.listen=[dtls://127.0.0.1:6084]'],
    'overlay.listen[0]: DTLS links are not implemented in this version; use tls://',
  ],
  [
    ['sip.listen=[tls://127.0.0.1:5061]'],
    'sip.listen[0]: tls:// needs a certificate; name one (sip.tls: {cert: ./sip.pem, key: ./sip.key}), or use udp:// tcp:// ws://',
  ],
  [
    ['sip.listen=[wss://127.0.0.1:443]'],
    'sip.listen[0]: wss:// needs a certificate; name one (sip.tls: {cert: ./sip.pem, key: ./sip.key}), or use udp:// tcp:// ws://',
  ],
  [
    ['sip.emergency=[sos]'],
    'sip.emergency[0]: "sos" will not do; give a number as it is dialled, like \'112\'',
  ],
  [
    ["sip.trunks=[{match: '+', to: 'sip:t.example.net'}]"],
    'sip.trunks[0].match: "+" will not do; write a regular expression, like \'^\\+\'',
  ],
  [
    ["sip.trunks=[{match: '^[+]', to: 'sip:t.example.net'}]"],
    'sip.trunks: with sip.auth: none anybody could call out at your expense; write sip.auth: digest',
  ],
  [['durability=never'], 'durability: "never" is not known; choose commit, power'],
];

for (const [sets, line] of setFaults) {
  test(`refused: ${sets.join(' ')}`, (t) => {
    t.is(refusal(t, { config: lone }, sets), `gateway.yaml (--set): ${line}`);
  });
}

test('refused: --set itself', (t) => {
  const only = (set: string) => t.throws(() => load(lone, [set]), { instanceOf: ConfigError })!.message;
  t.is(only('sip.mode'), '--set: sip.mode: is not path=value; write it like --set sip.mode=redirect');
  t.is(
    only('__proto__.x=1'),
    '--set: __proto__.x=1: is not path=value; write it like --set sip.mode=redirect',
  );
  t.is(
    only('sip.listen=[a'),
    '--set: sip.listen=[a: has a value that is not YAML; put a value with special characters in quotes',
  );
  t.is(only('sip.listen[7]=a'), '--set: sip.listen[7]: has no place 7; use 0 to 0');
  t.is(
    only('sip.auth.x=a'),
    '--set: sip.auth.x: leads through something that has no key "x"; check the path',
  );
});

test('refused: what stands in the file names the file alone', (t) => {
  t.is(
    refusal(t, { config: 'overlay: { first: true }\nsip: { auth: none }\n' }),
    'gateway.yaml: overlay.name: is missing; add it',
  );
  t.is(refusal(t, { config: '' }), 'gateway.yaml: overlay: is missing; add it');
});

test('refused: broken YAML, with line and column', (t) => {
  t.is(
    refusal(t, { config: 'overlay:\n  name: [example.org\nsip: {}\n' }),
    'gateway.yaml:3:1: Flow sequence in block collection must be sufficiently indented and end with a ]; mend the YAML there',
  );
  t.is(
    refusal(t, { config: 'data: a\ndata: b\n' }),
    'gateway.yaml:2:1: Map keys must be unique; mend the YAML there',
  );
});

test('refused: files that are not there', (t) => {
  t.is(
    t.throws(() => loadConfig('/nowhere/gateway.yaml'))!.message,
    '/nowhere/gateway.yaml: cannot be read (no such file); check the name given with -c',
  );
  t.is(
    refusal(t, { config: `${lone}\nusers: users.yaml` }),
    'gateway.yaml: users: users.yaml cannot be read (no such file); make the file, or name another one',
  );
  t.regex(
    refusal(t, { config: `${lone}\nadmin: { listen: http://0.0.0.0:1, token-file: token }` }),
    /^gateway.yaml: admin.token-file: token cannot be read \(no such file\); make one: /,
  );
});

test('B33: a shared secret lets a self-signed overlay listen beyond loopback, and is read from its file', (t) => {
  const sets = ['overlay.listen=[tls://0.0.0.0:0]', 'overlay.shared-secret-file=token'];
  const secret = 'a secret that nobody guesses'.replaceAll(' ', '-');
  const { config, warnings } = loadConfig(write({ config: lone, token: `${secret}\n` }), sets);
  t.is(Buffer.from(config.overlay.sharedSecret ?? []).toString(), secret);
  t.deepEqual(warnings, []);
  const line = refusal(t, { config: lone, token: 'password' }, sets);
  t.regex(
    line,
    /^gateway.yaml: overlay.shared-secret-file: token does not hold a secret of at least 16 printable characters; make one and give it to all peers: openssl rand -base64 32 > /,
  );
  t.notRegex(line, /password/);
});

test('A21: the local network is looked at where somebody there could connect, or as the file says', (t) => {
  const looks = (...sets: string[]) => load(lone, sets).config.overlay.localDiscovery;
  t.false(looks());
  t.true(looks('overlay.local-discovery=true'));
  t.true(looks('overlay.listen=[tls://0.0.0.0:0]', 'overlay.open=true'));
  t.false(looks('overlay.listen=[tls://0.0.0.0:0]', 'overlay.open=true', 'overlay.local-discovery=false'));
  // Then nobody has to be named.
  t.notThrows(() => looks('overlay.first=false', 'overlay.local-discovery=true'));
});

test('refused: a token that could be guessed; it is not shown', (t) => {
  const config = `${lone}\nadmin: { listen: http://0.0.0.0:1, token-file: token }`;
  const line = refusal(t, { config, token: 'hunter2' });
  t.regex(
    line,
    /^gateway.yaml: admin.token-file: token does not hold a token of at least 16 printable characters; /,
  );
  t.notRegex(line, /hunter2/);
});

test('all problems are told to the doctor, the first one is the message', (t) => {
  const file = write({ config: 'overlay: { first: perhaps }\nlog: { level: loud }\n' });
  const error = t.throws(() => loadConfig(file), { instanceOf: ConfigError })!;
  t.deepEqual(error.problems.map((problem) => problem.path).sort(), [
    'log.level',
    'overlay.first',
    'overlay.name',
  ]);
});

test('an alias bomb is refused', (t) => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 0; i < 8; i++) {
    const [from, to] = ['abcdefghi'[i], 'abcdefghi'[i + 1]];
    bomb.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(', ')}]`);
  }
  t.regex(
    refusal(t, { config: bomb.join('\n') }),
    /^gateway.yaml: Excessive alias count .*; write it without aliases$/,
  );
});

const enrolled = `
overlay: { name: example.org, enroll: { username: gw1@example.org, password-file: ./token } }
`;

test("A20 B32: an account is enough: the overlay is looked for by its name, and users are the server's", (t) => {
  const file = write({ config: enrolled, token: 'a pass word\n' });
  const { config, warnings } = loadConfig(file);
  t.deepEqual(warnings, []);
  t.deepEqual(config.overlay.server, {
    shown: 'the configuration server of example.org',
    url: undefined,
  });
  const passwordFile = path.join(path.dirname(file), 'token');
  t.deepEqual(config.overlay.enroll, { username: 'gw1@example.org', passwordFile });
  t.deepEqual(config.users, []);

  const pin = '5'.repeat(64);
  const set = `overlay.document=https://192.0.2.1:8443/#sha256=${pin.toUpperCase()}`;
  t.deepEqual(loadConfig(file, [set]).config.overlay.server?.url, { url: 'https://192.0.2.1:8443/', pin });
  chmodSync(passwordFile, 0o644);
  t.regex(loadConfig(file).warnings.join(), /token holds secrets and others can read it/);
});

test('B32: a password file or a ca-file that does not hold what it should is refused in one line', (t) => {
  t.regex(
    refusal(t, { config: enrolled }),
    /^gateway.yaml: overlay.enroll.password-file: \S*token cannot be read \(no such file\); put the password/,
  );
  t.regex(
    refusal(t, { config: enrolled, token: '\n' }),
    /token does not hold a password of at most 1024 bytes; /,
  );
  t.regex(
    refusal(t, { config: enrolled, token: 'x' }, ['overlay.ca-file=token']),
    /^gateway.yaml: overlay.ca-file: token does not hold certificates \(none found\); name a PEM file/,
  );
});

test('sip.tls: a certificate with its own key, or several, for tls:// ws:// and wss:// listeners', (t) => {
  const [one, two] = [sipTlsFiles(), sipTlsFiles()];
  const block = ({ cert, key }: { cert: string; key: string }) => `{cert: ${cert}, key: ${key}}`;
  const listen = 'sip.listen=[tls://127.0.0.1, ws://127.0.0.1, "wss://[::1]:8443"]';
  const { config, warnings } = load(lone, [listen, `sip.tls=[${block(one)}, ${block(two)}]`]);
  t.deepEqual(warnings, []);
  t.deepEqual(
    config.sip.listen.map(({ transport, address }) => [transport, address.host, address.port]),
    [
      ['TLS', '127.0.0.1', 5061],
      ['WS', '127.0.0.1', 80],
      ['WSS', '::1', 8443],
    ],
  );
  t.deepEqual(config.sip.tls[1], { cert: two.cert, key: two.key });
  t.deepEqual(load(lone, [`sip.tls=${block(one)}`]).config.sip.tls, [{ cert: one.cert, key: one.key }]);

  const refused = (cert: string, key: string) =>
    refusal(t, { config: lone }, [`sip.tls={cert: ${cert}, key: ${key}}`]);
  t.regex(
    refused(one.cert, two.key),
    /sip\.tls\[0\]: .* is not the key of the first certificate in .*; name a/,
  );
  t.regex(
    refused(one.key, one.key),
    /sip\.tls\[0\]\.cert: .* does not hold certificates \(none found\); name a PEM file with the certificate of this/,
  );
  t.regex(
    refused(one.cert, one.cert),
    /sip\.tls\[0\]\.key: .* does not hold a private key \(.*\); name a PEM file/,
  );
  t.regex(
    refused(one.cert, 'gone.key'),
    /sip\.tls\[0\]\.key: .* cannot be read \(no such file\); name a PEM file/,
  );
});

test('T2: with an enrollment server the users are its own, and each has to show a digest response in its realm', (t) => {
  const refused = (...set: string[]) => refusal(t, { config: enrolled, token: 'secret' }, set);
  t.regex(
    refused('sip.auth=none'),
    /^gateway.yaml \(--set\): sip.auth: the enrollment server wants .*; write sip.auth: digest$/,
  );
  t.regex(
    refused('users=users.yaml'),
    /^gateway.yaml \(--set\): users: the enrollment server knows .*p2psip user add$/,
  );
  t.regex(
    refused('sip.domains=[other.example, example.org]'),
    /^gateway.yaml \(--set\): sip.domains: other.example comes first, .*; put example.org first$/,
  );
  t.notThrows(() =>
    loadConfig(write({ config: enrolled, token: 'secret' }), ['sip.mode=off', 'sip.auth=none']),
  );
});
