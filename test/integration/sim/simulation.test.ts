import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { parseOptions } from '../../../sim/options.ts';
import { Run } from '../../../sim/run.ts';
import { projectRoot } from '../../support/project.ts';

test('A33, A28, P2: a small simulation meets every aim: hops, lookups and records under churn, maintenance', async (t) => {
  const options = parseOptions([
    ...[
      '--peers',
      '64',
      '--churn',
      '30m',
      '--hours',
      '0.2',
      '--settle',
      '3m',
      '--lookups',
      '500',
      '--seed',
      '11',
    ],
  ]);
  if (options === 'help') return t.fail();
  const progress: string[] = [];
  const run = new Run(options, (line) => progress.push(line));
  await run.finish();
  for (const { what, met } of run.aims) t.true(met, what);
  t.is(run.aims.length, 7);
  t.true(progress.length > 0);
  const figures = new Map(run.figures);
  t.is(figures.get('peers'), '64');
  t.regex(figures.get('memory of a peer') ?? '', /^\d+\.\d kB/);
  const page = run.html('npm run sim');
  t.is(page.match(/<svg /g)?.length, 8);
  t.notRegex(page, /NaN|undefined|Infinity/);
});

test('the same seed gives the same run', async (t) => {
  const figures = async () => {
    const options = parseOptions([
      '--peers',
      '24',
      '--settle',
      '1m',
      '--lookups',
      '50',
      '--signatures',
      'real',
    ]);
    if (options === 'help') throw new Error('no help was asked for');
    const run = new Run(options, () => {});
    await run.finish();
    return run.figures.filter(([name]) => !name.startsWith('memory') && !name.startsWith('real'));
  };
  t.deepEqual(await figures(), await figures());
});

test('options are checked, with one line for people', (t) => {
  const refused = (...args: string[]) => t.throws(() => parseOptions(args))?.message;
  t.is(refused('--peers', '1'), '--peers: 1 is not a number from 2 on');
  t.is(refused('--churn', '60'), '--churn: 60 is not a time such as 90s, 60m or 2h');
  t.is(refused('--latency', '30-10'), '--latency: 30-10 is not a range such as 10-30');
  t.is(refused('--signatures', 'none'), '--signatures is cheap or real');
  t.is(parseOptions(['--help']), 'help');
});

test('the commands in docs/simulation.md are understood', (t) => {
  const text = readFileSync(path.join(projectRoot, 'docs/simulation.md'), 'utf8');
  const commands = [...text.matchAll(/^npm run sim -- (.+)$/gm)].map(([, args = '']) => args.split(' '));
  t.true(commands.length >= 3);
  for (const args of commands) t.notThrows(() => parseOptions(args), args.join(' '));
});
