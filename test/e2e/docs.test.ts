import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { documentedCommands } from '../support/documented-commands.ts';
import { phonesTalk } from '../support/phones.ts';
import { freeServerPort } from '../support/ports.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { projectRoot } from '../support/project.ts';

// README's commands run as they stand there, but on free ports and with data in a temporary directory.

interface Stage {
  directory: string;
  ports: ReadonlyMap<string, string>;
}

async function stage(t: ExecutionContext, commands: readonly string[]): Promise<Stage> {
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-docs-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  const config = path.join(directory, 'config');
  cpSync(path.join(projectRoot, 'config'), config, {
    recursive: true,
    filter: (source) => path.basename(source) !== 'data',
  });
  const ports = new Map<string, string>();
  await freePorts(commands.join('\n'), ports);
  for (const file of readdirSync(config).map((name) => path.join(config, name))) {
    let text = readFileSync(file, 'utf8');
    await freePorts(text, ports);
    for (const [port, free] of ports) text = text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${free}`);
    writeFileSync(file, text);
  }
  return { directory, ports };
}

/** A free port for each one that the text names. */
async function freePorts(text: string, ports: Map<string, string>): Promise<void> {
  for (const [port] of text.matchAll(/(?<=127\.0\.0\.1:)\d+/g)) {
    if (!ports.has(port)) ports.set(port, String(await freeServerPort()));
  }
}

function onStage(command: string, { directory, ports }: Stage): string {
  const manifest = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8'));
  let text = command === 'npm start' ? String(manifest.scripts.start) : command;
  text = text.replaceAll('config/', `${directory}/config/`).replaceAll('demo', `${directory}/demo`);
  for (const [port, free] of ports) text = text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${free}`);
  if (/p2psip\.js (status|ring|lookup|registrations)/.test(text)) {
    text += ` --admin http://127.0.0.1:${ports.get('8060')}`;
  }
  return text;
}

/** Starts a peer as a terminal of its own would, and waits for its ready line. */
function startInBackground(t: ExecutionContext, command: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `exec ${command}`], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    let output = '';
    const limit = setTimeout(
      () => reject(new Error(`no ready line in 10 s from ${command}: ${output}`)),
      10_000,
    );
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (!/^ready /m.test(output)) return;
      clearTimeout(limit);
      resolve(child);
    });
    child.on('exit', (code) => reject(new Error(`${command} ended with ${code}: ${output}`)));
  });
}

test.serial('P7: the commands of README give a working call', async (t) => {
  const commands = documentedCommands(path.join(projectRoot, 'README.md'));
  t.true(commands.length >= 8, 'README has its commands under <!-- run -->');
  const scene = await stage(t, commands);
  const peers: ChildProcess[] = [];
  let lastCall = Number.NEGATIVE_INFINITY;
  for (const command of commands) {
    if (command === 'npm ci') continue; // or this test would not run
    if (command.includes('sipp-scenarios') && !requirePrograms(t, 'sipp', 'bash')) continue;
    const text = onStage(command, scene);
    if (/npm start| run -c /.test(command)) {
      peers.push(await startInBackground(t, text));
      continue;
    }
    if (command.includes('sipp-scenarios')) {
      // A peer keeps what it looked up, also that bob is nowhere else, for 5 s; a reader is slower than that.
      await sleep(Math.max(0, lastCall + 5500 - performance.now()));
    }
    const { code, stdout, stderr } = await run('sh', ['-c', text], {
      env: { SERVER: `127.0.0.1:${scene.ports.get('5060')}` },
    });
    // Not its beginning: on a busy machine the lookup comes late in it.
    if (command.includes('sipp-scenarios')) lastCall = performance.now();
    t.is(code, 0, `${text}\n${stdout}${stderr}`);
  }
  t.is(peers.length, 3);
});

test.serial(
  'A14 P7: README: an overlay with accounts, from nothing to a call in under 2 minutes and 12 commands',
  async (t) => {
    const commands = documentedCommands(path.join(projectRoot, 'README.md'), 'accounts');
    t.true(commands.length > 8 && commands.length <= 12, `${commands.length} commands`);
    const began = performance.now();
    const scene = await stage(t, commands);
    for (const command of commands) {
      if (command.includes('sipp-scenarios') && !requirePrograms(t, 'sipp', 'bash')) continue;
      const text = onStage(command, scene);
      if (/ serve | run -c /.test(command)) {
        await startInBackground(t, text);
        continue;
      }
      const { code, stdout, stderr } = await run('sh', ['-c', text], {
        env: { SERVER: `127.0.0.1:${scene.ports.get('5060')}` },
      });
      t.is(code, 0, `${text}\n${stdout}${stderr}`);
    }
    if (requirePrograms(t, 'baresip')) {
      await phonesTalk(t, {
        server1: `127.0.0.1:${scene.ports.get('5060')}`,
        server2: `127.0.0.1:${scene.ports.get('5062')}`,
        domain: 'example.org',
      });
    }
    t.true(performance.now() - began < 120_000);
  },
);

test.serial(
  'README: a new user: two phones, a call and the console in under 5 minutes and 6 commands, downloads aside',
  async (t) => {
    const commands = documentedCommands(path.join(projectRoot, 'README.md'));
    // npm ci, npm start: all that two phones and a browser need.
    const first = commands.slice(0, commands.indexOf('npm start') + 1);
    t.true(first.length <= 6, first.join(', '));
    if (!requirePrograms(t, 'baresip')) return;
    const began = performance.now();
    // What npm ci does besides downloading, into a directory of its own: others run what is in dist.
    const scene = await stage(t, commands);
    const built = await run('npx', ['tsc', '-p', 'tsconfig.json', '--outDir', `${scene.directory}/dist`]);
    t.is(built.code, 0, built.stdout);
    await startInBackground(t, onStage('npm start', scene));
    const server = `127.0.0.1:${scene.ports.get('5060')}`;
    await phonesTalk(t, { server1: server, server2: server, domain: 'example.org' });
    const page = await fetch(`http://127.0.0.1:${scene.ports.get('8060')}/`);
    t.is(page.status, 200);
    t.regex(await page.text(), /<title>[^<]*console/i);
    const seconds = (performance.now() - began) / 1000;
    t.log(`${first.length} commands, ${seconds.toFixed(0)} s`);
    t.true(seconds < 300);
  },
);

const documents = () => [
  'README.md',
  ...readdirSync(path.join(projectRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

test('commands that the documents name exist, with the options that they are given', async (t) => {
  const { stdout } = await run(process.execPath, ['bin/p2psip.js', 'completion', 'bash']);
  const places = new Map(
    [...stdout.matchAll(/^ {4}"([^"]*)"\) next="([^"]*)"/gm)].map(([, words = '', next = '']) => [
      words,
      next.split(' '),
    ]),
  );
  for (const document of documents()) {
    const text = readFileSync(path.join(projectRoot, document), 'utf8');
    const commands = [...text.matchAll(/(?:`|^)(?:bin\/)?p2psip(?:\.js)? ([a-z][^`\n]*)/gm)].map(
      ([, rest = '']) => rest,
    );
    for (const command of commands) {
      const [one = '', two = ''] = command.split(/[\s,|]+/);
      const words = places.has(`${one} ${two}`) ? `${one} ${two}` : one;
      t.true(places.has(words), `${document}: p2psip ${command}`);
      for (const option of command.match(/(?<= )--[a-z-]+/g) ?? []) {
        t.true(places.get(words)?.includes(option), `${document}: ${option} in p2psip ${command}`);
      }
    }
  }
});

test('metrics that the documents name exist', (t) => {
  const sources = readdirSync(path.join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(projectRoot, 'src', file), 'utf8'))
    .join('\n');
  for (const document of documents()) {
    const text = readFileSync(path.join(projectRoot, document), 'utf8');
    for (const [name] of text.matchAll(/(?<=`)(sip|reload|p2psip)_[a-z_]+(?=[`{])/g)) {
      t.true(sources.includes(`'${name}'`), `${document}: ${name}`);
    }
  }
});

test('the links between the documents lead somewhere', (t) => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'sipp-scenarios/README.md'];
  documents.push(
    ...readdirSync(path.join(projectRoot, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  );
  for (const document of documents) {
    const text = readFileSync(path.join(projectRoot, document), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      const file = path.join(projectRoot, path.dirname(document), target);
      t.true(existsSync(file), `${document} links to ${target}`);
    }
    for (const [, target = '', anchor = ''] of text.matchAll(/\]\((?!https?:)([^)#\s]*\.md)?#([^)\s]+)\)/g)) {
      const file = path.join(
        projectRoot,
        path.dirname(document),
        target === '' ? path.basename(document) : target,
      );
      t.true(anchors(file).has(anchor), `${document} links to ${target}#${anchor}`);
    }
  }
});

test('docs/limits.md names what is in the code', (t) => {
  const text = readFileSync(path.join(projectRoot, 'docs/limits.md'), 'utf8');
  const named = [...text.matchAll(/\[`(\w+)`\]\(\.\.\/([^)]+)\)/g)];
  t.true(named.length > 20);
  for (const [, constant = '', file = ''] of named) {
    const source = readFileSync(path.join(projectRoot, file), 'utf8');
    t.regex(source, new RegExp(`(const|class|function) ${constant}\\b`), `${constant} in ${file}`);
  }
});

test('docs/rfc-matrix.md names only tests that exist', async (t) => {
  const { code, stdout } = await run(process.execPath, ['scripts/matrix-check.js']);
  t.is(code, 0, stdout);
});

/** Of the headings of a document, as GitHub makes them. */
function anchors(file: string): Set<string> {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}
