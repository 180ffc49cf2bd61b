import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { aliceAndBob, startGateway } from '../support/gateway.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { projectRoot } from '../support/project.ts';

// What we hand to Prometheus and Grafana, judged by promtool and by what a running peer really exposes.

const dashboardFile = path.join(projectRoot, 'packaging/grafana/p2psip-peers.json');
const alertsFile = path.join(projectRoot, 'packaging/prometheus/alerts.yaml');

async function scrape(t: ExecutionContext): Promise<string> {
  const gateway = await startGateway(
    t,
    {
      overlay: { name: 'example.org', first: true, listen: ['tls://127.0.0.1:0'] },
      sip: { listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', 'ws://127.0.0.1:0'] },
    },
    { users: aliceAndBob },
  );
  return gateway.metrics();
}

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

function dashboardQueries(): { title: string; expr: string }[] {
  const { panels } = JSON.parse(readFileSync(dashboardFile, 'utf8')) as { panels: Panel[] };
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
}

interface Rules {
  groups: { rules: { alert: string; expr: string }[] }[];
}

function alerts(): { title: string; expr: string }[] {
  const { groups } = parse(readFileSync(alertsFile, 'utf8')) as Rules;
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ title: alert, expr })));
}

/** Names that the code registers: some appear only once there is something to count. */
/** It reads metrics, so its names prove nothing. */
const CONSOLE_FEED = 'gateway/admin/live-feed.ts';

function namesInCode(): Set<string> {
  const sources = readdirSync(path.join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' });
  const texts = sources
    .filter((file) => file.endsWith('.ts') && file !== CONSOLE_FEED)
    .map((file) => readFileSync(path.join(projectRoot, 'src', file), 'utf8'));
  return new Set(texts.flatMap((text) => text.match(/(?<=')(sip|reload|p2psip)_[a-z_]+(?=')/g) ?? []));
}

test('promtool finds no fault in the metrics of a peer', async (t) => {
  if (!requirePrograms(t, 'promtool')) return;
  const { code, stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: await scrape(t) });
  t.is(code, 0, stderr);
  t.is(stdout + stderr, '');
});

test('dashboard and alerts ask for metrics that exist, with labels that exist', async (t) => {
  const exposed = await scrape(t);
  const known = namesInCode();
  for (const [name = ''] of exposed.matchAll(/^[a-z_0-9]+/gm)) known.add(name);
  for (const { title, expr } of [...dashboardQueries(), ...alerts()]) {
    const names = expr.match(/\b(sip|reload|p2psip|process|nodejs)_[a-z_0-9]+/g) ?? [];
    t.true(names.length > 0, `${title}: ${expr}`);
    for (const name of names) t.true(known.has(name), `${title}: ${name} is no metric of a peer`);
    const labels = [...expr.matchAll(/by \(([a-z]+)\)/g)].map(([, label = '']) => label);
    for (const label of labels.filter((each) => !['instance', 'job'].includes(each))) {
      t.true(
        names.some((name) => new RegExp(`^${name}\\{[^}]*\\b${label}="`, 'm').test(exposed)),
        `${title}: no ${label} on ${names.join(', ')}`,
      );
    }
  }
});

test('the console reads metrics that exist', (t) => {
  const known = namesInCode();
  const names = readFileSync(path.join(projectRoot, 'src', CONSOLE_FEED), 'utf8').match(
    /(?<=')(sip|reload|p2psip)_[a-z_]+(?=')/g,
  );
  t.true((names ?? []).length > 0);
  for (const name of names ?? []) t.true(known.has(name), `${name} is no metric of a peer`);
});

test('promtool reads every query of the dashboard, and the alerts', async (t) => {
  if (!requirePrograms(t, 'promtool')) return;
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-rules-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'queries.yaml');
  const rules = dashboardQueries().map(({ expr }, i) => ({
    record: `query_${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  }));
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
  for (const each of [file, alertsFile]) {
    const { code, stdout, stderr } = await run('promtool', ['check', 'rules', each]);
    t.is(code, 0, stdout + stderr);
  }
});
