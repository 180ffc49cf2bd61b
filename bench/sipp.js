import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.js';
import { prefer } from './priority.js';

const scenario = (name) => fileURLToPath(new URL(`sipp/${name}.xml`, import.meta.url));
const work = mkdtempSync(path.join(tmpdir(), 'p2psip-sipp-'));
const running = new Set();
const RING_MS = 30;
let runs = 0;

function sipp(args, directory) {
  const child = spawn('sipp', [...args, '-i', '127.0.0.1', '-nostdin', '-buff_size', '4194304'], {
    cwd: directory,
    stdio: 'ignore',
    detached: true,
  });
  prefer(child);
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

/**
 * A SIPp UAS that answers every call after 30 ms of ringing, until the bench ends.
 * @returns `{port, contact, retransmissions()}`; the count is up to a second old
 */
export async function startCallees() {
  const port = await freePort();
  const child = sipp(
    [
      ...['-sf', scenario('uas'), '-p', String(port), '-t', 'u1', '-d', String(RING_MS), '-l', '15000'],
      ...['-trace_stat', '-stf', 'callees.csv', '-fd', '1'],
    ],
    work,
  );
  await new Promise((resolve) => setTimeout(resolve, 700));
  if (child.exitCode !== null) throw new Error('the SIPp UAS did not start');
  const retransmissions = () => lastRow(path.join(work, 'callees.csv'))['Retransmissions(C)'];
  return { port, contact: `127.0.0.1:${port}`, retransmissions };
}

/** Names of `count` users; `first` shifts them. */
export function userNames(count, first = 0) {
  return Array.from({ length: count }, (_, i) => `u${String(first + i).padStart(6, '0')}`);
}

/**
 * One load: `count` calls of a scenario at `rate` a second over the users in turn.
 * @returns `{ok, failed, retransmissions, seconds, port}`
 */
export async function load({ scenario: name, target, users, rate, count, contact = '127.0.0.1:9' }) {
  if (!target.startsWith('127.')) throw new Error(`loads go to loopback only, not to ${target}`);
  const directory = path.join(work, `run${++runs}`);
  mkdirSync(directory);
  const rows = users.map(
    (user) =>
      `${user};[authentication username=${user} password=secret];[authentication username=bench password=secret]`,
  );
  writeFileSync(path.join(directory, 'users.csv'), `SEQUENTIAL\n${rows.join('\n')}\n`);
  const port = await freePort();
  const limit = Math.min(15_000, Math.ceil(rate * 4 + 200 + (rate * RING_MS) / 1000));
  const seconds = Math.ceil(count / rate) + 45;
  const keys = {
    dom: 'example.org',
    uas: contact,
    exp: '3600',
    caller: 'bench',
  };
  const started = performance.now();
  const child = sipp(
    [
      target,
      ...['-sf', scenario(name), '-inf', 'users.csv', '-p', String(port), '-t', 'u1'],
      ...['-r', String(rate), '-rp', '1000', '-m', String(count), '-l', String(limit), '-d', '0'],
      ...Object.entries(keys).flatMap(([key, value]) => ['-key', key, value]),
      ...['-auth_uri', 'example.org', '-timeout', `${seconds}s`, '-timeout_error', '-recv_timeout', '15000'],
      ...['-trace_stat', '-stf', 'stat.csv', '-fd', '1', '-trace_err', '-error_file', 'errors.log'],
    ],
    directory,
  );
  await new Promise((resolve) => child.on('exit', resolve));
  const elapsed = (performance.now() - started) / 1000;
  const totals = lastRow(path.join(directory, 'stat.csv'));
  const ok = totals['SuccessfulCall(C)'];
  const failed = count - ok;
  if (ok === 0) throw new Error(`no call of ${name} to ${target} went through: ${firstError(directory)}`);
  const warning = failed > 0 ? firstError(directory) : undefined;
  rmSync(directory, { recursive: true, force: true });
  return {
    ok,
    failed,
    warning,
    retransmissions: totals['Retransmissions(C)'],
    seconds: elapsed,
    port,
  };
}

function lastRow(file) {
  const [names, ...rows] = readFileSync(file, 'utf8').trim().split('\n');
  const values = rows.at(-1)?.split(';') ?? [];
  return Object.fromEntries(names.split(';').map((name, i) => [name, Number(values[i])]));
}

function firstError(directory) {
  try {
    return readFileSync(path.join(directory, 'errors.log'), 'utf8').slice(0, 600);
  } catch {
    return 'SIPp says nothing';
  }
}

export function killSipp() {
  for (const child of running) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
}
