import { Writable } from 'node:stream';
import test from 'ava';
import { CodedError } from '../../../../src/base/index.ts';
import { createLogger, type LoggerOptions } from '../../../../src/gateway/logging/winston-logger.ts';

function capture(options: Partial<LoggerOptions> = {}) {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const logger = createLogger({ level: 'info', format: 'text', ...options, stream });
  return { logger, lines: () => text.split('\n').slice(0, -1) };
}

test('text: time, level, message, fields', (t) => {
  const { logger, lines } = capture();
  logger.info('peer joined', { node: 'ab01', links: 3, reason: 'asked for it' });
  t.regex(
    lines()[0]!,
    /^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}peer joined node=ab01 links=3 reason="asked for it"$/,
  );
});

test('json: one object a line, bound fields included', (t) => {
  const { logger, lines } = capture({ format: 'json' });
  logger.child({ peer: 2 }).warn('slow', { ms: 12 });
  const { time, ...rest } = JSON.parse(lines()[0]!) as Record<string, unknown>;
  t.deepEqual(rest, { level: 'warn', message: 'slow', peer: 2, ms: 12 });
  t.false(Number.isNaN(Date.parse(String(time))));
});

test('fields cannot pass themselves off as time, level or message', (t) => {
  const { logger, lines } = capture({ format: 'json' });
  logger.info('real', { message: 'forged', level: 'error' });
  t.like(JSON.parse(lines()[0]!), { message: 'real', level: 'info' });
});

test('the level is kept, and tells hot paths whether debug is worth building', (t) => {
  const quiet = capture({ level: 'warn' });
  quiet.logger.info('no');
  quiet.logger.debug('no');
  quiet.logger.error('yes');
  t.is(quiet.lines().length, 1);
  t.false(quiet.logger.debugEnabled);
  const loud = capture({ level: 'debug' });
  loud.logger.child({}).debug('yes');
  t.is(loud.lines().length, 1);
  t.true(loud.logger.child({}).debugEnabled);
});

test('the level can be changed for a logger and all that descend from it', (t) => {
  const { logger, lines } = capture({ level: 'warn' });
  const child = logger.child({ peer: 1 });
  logger.setLevel('debug');
  child.debug('yes');
  t.true(child.debugEnabled);
  logger.setLevel('error');
  child.warn('no');
  t.false(child.debugEnabled);
  t.is(lines().length, 1);
});

test('secrets do not reach the log: by name, by shape, at any depth', (t) => {
  const { logger, lines } = capture();
  logger.info('x', {
    password: 'hunter2',
    user: { ha1: 'hunter2', sharedSecret: 'hunter2', deep: { authorization: 'Digest hunter2' } },
    token: 'hunter2',
    header: 'Digest username="alice", response="hunter2", uri="sip:x"',
    key: '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----',
  });
  logger.info('-----BEGIN EC PRIVATE KEY-----\nhunter2');
  t.notRegex(lines().join(), /hunter2/);
  t.regex(lines()[0]!, /username=\\"alice\\"/);
});

test('what a phone sends cannot begin a line of its own or steer the terminal', (t) => {
  const { logger, lines } = capture();
  logger.info('bad request from\r\n2024 error forged', { contact: 'a\nb\x1b[2J' });
  t.is(lines().length, 1);
  t.false(lines()[0]!.includes('\x1b'));
});

test('errors show message and code, bytes their length, long texts are cut', (t) => {
  const { logger, lines } = capture();
  logger.warn('x', { error: new CodedError('bad-aor', 'no such thing'), frame: new Uint8Array(5) });
  logger.warn('x', { text: 'a'.repeat(5000) });
  t.regex(lines()[0]!, /error="no such thing \(bad-aor\)" frame="5 bytes"$/);
  t.true(lines()[1]!.length < 2200);
});

test('a circular value does not hang or throw', (t) => {
  const { logger, lines } = capture({ format: 'json' });
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  t.notThrows(() => logger.info('x', { circle }));
  t.is(lines().length, 1);
});
