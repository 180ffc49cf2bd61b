import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { projectRoot } from '../support/project.ts';

interface OverlayFigures {
  overlay: {
    decode: { perSecond: number; frames: number };
    verify: { keyType: string; perSecond: number; ratio: number }[];
    store: { p50: number; p99: number };
    fetch: { p50: number; p99: number };
  };
}

// That the figures come out, not what they are: this machine is busy with other tests.
test('`npm run bench -- overlay` measures messages, Stores and Fetches', async (t) => {
  const bench = path.join(projectRoot, 'bench', 'run.js');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [bench, 'overlay', '--quick', '--rounds', '1', '--json'],
    { cwd: projectRoot, timeout: 90_000 },
  );
  const { decode, verify, store, fetch } = (JSON.parse(stdout) as OverlayFigures).overlay;
  t.is(decode.frames, 49);
  t.true(decode.perSecond > 0);
  t.deepEqual(
    verify.map(({ keyType }) => keyType),
    ['ec', 'rsa'],
  );
  for (const { perSecond, ratio } of verify) t.true(perSecond > 0 && ratio > 0 && ratio < 1.5, `${ratio}`);
  for (const { p50, p99 } of [store, fetch]) t.true(p50 > 0 && p50 <= p99, `${p50}, ${p99}`);
});

interface EnrollmentFigures {
  enrollment: { keys: { keyType: string; perSecond: number; cpuMs: number; wave: number }[] };
}

test('`npm run bench -- enrollment` measures first registrations, with EC and with RSA keys', async (t) => {
  t.timeout(180_000);
  const bench = path.join(projectRoot, 'bench', 'run.js');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [bench, 'enrollment', '--quick', '--rounds', '1', '--json'],
    { cwd: projectRoot, timeout: 170_000 },
  );
  const { keys } = (JSON.parse(stdout) as EnrollmentFigures).enrollment;
  t.deepEqual(
    keys.map(({ keyType }) => keyType),
    ['ec', 'rsa'],
  );
  for (const { perSecond, cpuMs, wave } of keys) t.true(perSecond > 0 && cpuMs > 0 && wave > 0);
});
