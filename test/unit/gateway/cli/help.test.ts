import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import test from 'ava';
import { leaves } from '../../../../src/gateway/cli/examples.ts';
import { createProgram } from '../../../../src/gateway/cli/program.ts';
import { Progress } from '../../../../src/gateway/cli/progress.ts';
import { hasColours, styleFor } from '../../../../src/gateway/cli/style.ts';
import { run } from '../../../support/process.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { TestCli } from './run-cli.ts';

const program = createProgram({
  stdout: new Writable(),
  stderr: new Writable(),
} as Parameters<typeof createProgram>[0]);

async function said(...args: string[]): Promise<string> {
  const cli = new TestCli();
  const code = await cli.run(...args);
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}: ${cli.stderr.text}`);
  return cli.stdout.text;
}

test('every command has examples in its help, with options that it has', async (t) => {
  for (const [name, command] of leaves(program)) {
    const help = await said(...name.split(' '), '--help');
    const examples =
      help
        .split(/\nExamples?:\n/)[1]
        ?.trim()
        .split('\n') ?? [];
    t.true(examples.length > 0, name);
    for (const example of examples) {
      t.true(example.includes(`p2psip ${name}`), example);
      const options = example.match(/(?<= )--?[a-z][a-z-]*/g) ?? [];
      const known = command.options.flatMap(({ long, short }) => [long, short]);
      for (const option of options) t.true(known.includes(option), `${option} in ${example}`);
    }
  }
});

test('everything that answers can answer in JSON', (t) => {
  const silent = ['run', 'enrollment serve', 'completion', 'help'];
  for (const [name, command] of leaves(program)) {
    const can = command.options.some(({ long }) => long === '--json');
    t.is(can, !silent.includes(name), name);
  }
});

test('help: commands, commands below commands, topics; what is neither is wrong use', async (t) => {
  const all = await said('help');
  t.regex(all, /^ {2}doctor /m);
  t.regex(all, /^ {2}phones +what to enter in a phone$/m);
  for (const topic of ['config', 'phones', 'ports', 'exit', 'trouble'])
    t.true((await said('help', topic)).length > 200);
  t.regex(await said('help', 'user', 'add'), /--password-stdin/);
  const cli = new TestCli();
  t.is(await cli.run('help', 'nonsense'), 2);
  t.is(
    cli.stderr.text,
    'p2psip: there is neither a command nor a topic "nonsense"; p2psip help lists them\n',
  );
});

test('bash completes commands, commands below them, and options', async (t) => {
  const file = path.join(temporaryDirectory('completion'), 'p2psip.bash');
  writeFileSync(file, await said('completion', 'bash'));
  const complete = async (...words: string[]) => {
    const script = `source "$0"; COMP_WORDS=(p2psip "$@"); COMP_CWORD=$#; _p2psip; echo "\${COMPREPLY[*]}"`;
    const { stdout, stderr } = await run('bash', ['-c', script, file, ...words]);
    t.is(stderr, '');
    return stdout.trim().split(' ');
  };
  t.deepEqual(await complete('doc'), ['doctor']);
  t.deepEqual(await complete('user', 're'), ['remove']);
  t.true((await complete('user', '')).includes('passwd'));
  t.deepEqual(await complete('user', 'add', 'alice@example.org', '--ad'), ['--adapter']);
  t.deepEqual(await complete('status', '--admin', 'http://127.0.0.1:1', '--js'), ['--json']);
  t.deepEqual(await complete('run', '-c', ''), ['']);
  t.regex(await said('completion', 'zsh'), /bashcompinit/);
  t.regex(await said('completion', 'fish'), /^complete -c p2psip -n '__fish_use_subcommand' -f -a doctor$/m);
});

class Terminal extends Writable {
  readonly isTTY: boolean;
  text = '';
  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}

test('colours only on a terminal, and not where NO_COLOR or TERM=dumb asks for none', (t) => {
  const [terminal, file] = [new Terminal(true), new Terminal(false)];
  t.true(hasColours(terminal, {}));
  t.false(hasColours(file, {}));
  t.false(hasColours(terminal, { NO_COLOR: '1' }));
  t.true(hasColours(terminal, { NO_COLOR: '' }));
  t.false(hasColours(terminal, { TERM: 'dumb' }));
  t.is(styleFor(terminal, {}).bad('fail'), '\x1b[31mfail\x1b[0m');
  t.is(styleFor(file, {}).bad('fail'), 'fail');
});

test('progress: a bar that changes on a terminal, a line for each tenth elsewhere', (t) => {
  const terminal = new Terminal(true);
  const bar = new Progress(terminal, { total: 4, what: 'peers joined' });
  for (let done = 1; done <= 4; done += 1) bar.show(done);
  t.regex(terminal.text, /^(\r\[[#.]{24}\] \d of 4 peers joined){4}\n$/);
  const file = new Terminal(false);
  const lines = new Progress(file, { total: 1000, what: 'peers joined' });
  for (let done = 1; done <= 1000; done += 1) lines.show(done);
  t.is(file.text.trim().split('\n').length, 10);
  t.regex(file.text, /\n1000 of 1000 peers joined\n$/);
});
