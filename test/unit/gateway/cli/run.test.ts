import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { CodedError } from '../../../../src/base/index.ts';
import { DataError } from '../../../../src/gateway/persistence/errors.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { FakeGateway } from '../fake-gateway.ts';
import { TestCli } from './run-cli.ts';

function writeConfig(extra = ''): string {
  const file = path.join(temporaryDirectory('run'), 'gateway.yaml');
  writeFileSync(file, `overlay: { name: example.org, first: true }\nsip: { auth: none }\n${extra}`);
  return file;
}

test('one ready line on stdout, nothing else; SIGTERM stops the peer, exit 0', async (t) => {
  const gateways: FakeGateway[] = [];
  const cli = new TestCli(async (config) => {
    const gateway = new FakeGateway(config);
    gateways.push(gateway);
    setImmediate(() => cli.stop());
    return gateway;
  });
  t.is(await cli.run('run', '-c', writeConfig(), '--set', 'sip.mode=redirect', '--set', 'data=memory'), 0);
  t.is(
    cli.stdout.text,
    `ready node=${'11'.repeat(16)} overlay=example.org ` +
      'sip=sip:127.0.0.1:5060;transport=udp,sip:127.0.0.1:5060;transport=tcp admin=http://127.0.0.1:8060\n',
  );
  t.is(gateways[0]?.stopped, 1);
  t.is(gateways[0]?.config.sip.mode, 'redirect');
  t.is(gateways[0]?.config.data, 'memory');
});

test('a wrong configuration is one line on stderr, exit 2, and no peer is started', async (t) => {
  const cli = new TestCli();
  const file = writeConfig('log: { level: loud }\n');
  t.is(await cli.run('run', '-c', file), 2);
  t.is(cli.stdout.text, '');
  t.is(cli.stderr.text, `p2psip: ${file}: log.level: "loud" is not known; choose error, warn, info, debug\n`);
});

test('B32: a peer whose authority was replaced ends so that a supervisor starts it again: it enrolls anew then', async (t) => {
  const cause = new CodedError('certificate-untrusted', 'it was issued by no root-cert of the overlay');
  const cli = new TestCli(async () => {
    throw new CodedError('not-welcome', 'the configuration document refuses the certificate of this node', {
      cause,
    });
  });
  const file = writeConfig();
  const account = `overlay.enroll={username: gw1, password-file: ${path.basename(file)}}`;
  t.is(await cli.run('run', '-c', file, '--set', account, '--set', 'sip.auth=digest'), 1);
  t.regex(cli.stderr.text, /overlay\.enroll: .*; started again, this peer gets a new certificate\n$/);
  t.is(await cli.run('run', '-c', file), 2, 'without an account there is nothing to be had by that');
});

const failures: readonly (readonly [error: Error, line: RegExp, exitCode: number])[] = [
  [
    new CodedError('configuration-untrusted', 'the certificate of example.org:8443 has expired'),
    /gateway\.yaml: overlay\.document: the certificate of example\.org:8443 has expired; check the URL and its pin .* renewed\n$/,
    2,
  ],
  [
    new CodedError(
      'enrollment-refused',
      'example.org refuses to enroll us: gw1 has no account there, or another password',
    ),
    /gateway\.yaml: overlay\.enroll: example\.org refuses .* password; check username and password-file with whoever runs the overlay\n$/,
    2,
  ],
  [
    new CodedError(
      'configuration-unreachable',
      'the configuration server does not answer: connect ECONNREFUSED',
    ),
    /gateway\.yaml: the peer did not start: the configuration server does not answer: connect ECONNREFUSED\n$/,
    1,
  ],
  [
    new CodedError('address-in-use', 'UDP 127.0.0.1:5060 is in use by another program'),
    /gateway\.yaml: sip\.listen\[0\]: UDP 127\.0\.0\.1:5060 is in use by another program; stop that program, or choose another port \(0 = any\)\n$/,
    2,
  ],
  [
    new CodedError('address-in-use', 'TCP 127.0.0.1:5060 is in use by another program'),
    /: sip\.listen\[1\]: TCP 127\.0\.0\.1:5060 is in use /,
    2,
  ],
  [
    new CodedError('address-in-use', 'TCP 127.0.0.1:8060 is in use by another program'),
    /: admin: TCP 127\.0\.0\.1:8060 is in use /,
    2,
  ],
  [
    new CodedError('address-unavailable', 'TLS 127.0.0.1:6084 is not an address of this machine'),
    /: overlay\.listen\[0\]: TLS 127\.0\.0\.1:6084 is not an address of this machine; choose another address\n$/,
    2,
  ],
  [
    new DataError('data-in-use', '/x is in use by process 7', 'stop it'),
    /gateway\.yaml: data: \/x is in use by process 7; stop it\n$/,
    2,
  ],
  [
    new CodedError('node-id-conflict', 'this Node-ID is alive elsewhere; use another data directory'),
    /: data: this Node-ID/,
    2,
  ],
  [
    new CodedError('join-failed', 'no bootstrap peer\nanswers'),
    /: the peer did not start: no bootstrap peer answers\n$/,
    1,
  ],
  [new Error('boom'), /: the peer did not start: boom\n$/, 1],
];

for (const [error, line, exitCode] of failures) {
  test(`a peer that does not stand: ${error.message}`, async (t) => {
    const cli = new TestCli(() => Promise.reject(error));
    t.is(await cli.run('run', '-c', writeConfig()), exitCode);
    t.regex(cli.stderr.text, line);
    t.is(cli.stderr.text.split('\n').length, 2);
  });
}

test('a peer that gives up while running is stopped, the reason told', async (t) => {
  let gateway: FakeGateway | undefined;
  const cli = new TestCli(async (config) => {
    gateway = new FakeGateway(config);
    gateway.fail(
      new CodedError('node-id-conflict', 'a cloned data directory; remove identity.pem from one of them'),
    );
    return gateway;
  });
  t.is(await cli.run('run', '-c', writeConfig()), 2);
  t.is(gateway?.stopped, 1);
  t.regex(cli.stderr.text, /gateway\.yaml: data: a cloned data directory; remove identity\.pem/);
});

test('SIGTERM while the peer is still joining: the start is broken off, exit 0, no ready line', async (t) => {
  const cli = new TestCli((_, { signal }) => {
    setImmediate(() => cli.stop());
    return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  });
  t.is(await cli.run('run', '-c', writeConfig()), 0);
  t.is(cli.stdout.text, '');
});

test('a secret that others can read is warned about', async (t) => {
  const file = writeConfig();
  const directory = path.dirname(file);
  writeFileSync(path.join(directory, 'token'), 'abcdefghijklmnopqrstuvwx', { mode: 0o644 });
  const cli = new TestCli(async (config) => {
    setImmediate(() => cli.stop());
    return new FakeGateway(config);
  });
  const set = 'admin={listen: "http://127.0.0.1:0", token-file: token}';
  t.is(await cli.run('run', '-c', file, '--set', set), 0);
  t.regex(cli.stderr.text, /warn {2}\S*token holds secrets and others can read it \(mode 644\): chmod 600/);
  t.notRegex(cli.stderr.text, /abcdefgh/);
});
