import { barChart, lineChart } from './chart.ts';
import { type Measurements, quantile } from './measurements.ts';

export interface ReportInput {
  readonly title: string;
  readonly command: string;
  /** Name and value, as printed. */
  readonly figures: readonly (readonly [name: string, value: string])[];
  /** Hops of the settled ring. */
  readonly settledHops: readonly number[];
  readonly settledLatenciesMs: readonly number[];
  /** Undefined when there was no churn. */
  readonly churn: Measurements | undefined;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1a1c20; --paper: #fff; --grid: #8884; --one: #1769aa; --two: #b5521b; --three: #2e7d32; --four: #7b3fa0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --paper: #14161a; --one: #6db3f2; --two: #f0a36b; --three: #7bc67e; --four: #c792ea } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 1360px; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 1.4rem 0 .2rem }
table { border-collapse: collapse } td { padding: .15rem 1.2rem .15rem 0; vertical-align: top } td:last-child { font-variant-numeric: tabular-nums }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: 0 2rem }
svg { width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: var(--ink) }
.g { stroke: var(--grid) } .a { stroke: var(--ink) } .b { fill: var(--one) }
polyline { fill: none; stroke-width: 1.6 } .s0 { stroke: var(--one) } .s1 { stroke: var(--two) } .s2 { stroke: var(--three) } .s3 { stroke: var(--four) }
code { background: var(--grid); padding: .1rem .3rem; border-radius: 3px }`;

/** One self-contained page: the figures as a table, the distributions and the course of the run as charts. */
export function htmlReport(input: ReportInput): string {
  const { title, command, figures, settledHops, settledLatenciesMs, churn } = input;
  const rows = figures.map(([name, value]) => `<tr><td>${escaped(name)}</td><td>${escaped(value)}</td></tr>`);
  const charts = [
    chart('Hops of lookups in the settled ring', histogramOfHops(settledHops)),
    chart('Latency of lookups in the settled ring', cumulative(settledLatenciesMs)),
    ...(churn === undefined ? [] : churnCharts(churn)),
  ];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${STYLE}</style>
<h1>${escaped(title)}</h1><p><code>${escaped(command)}</code></p>
<table>${rows.join('')}</table><main>${charts.join('')}</main></html>
`;
}

function churnCharts(churn: Measurements): string[] {
  const { minutes } = churn;
  const x = { label: 'minutes', values: minutes.map(({ at }) => at) };
  const per = (names: readonly string[]) =>
    minutes.map(({ maintenance }) => names.reduce((sum, name) => sum + (maintenance.get(name) ?? 0), 0));
  const all = minutes.map(({ maintenance }) => [...maintenance.values()].reduce((a, b) => a + b, 0));
  const success = minutes.map(({ lookups, failed }) => (lookups === 0 ? 100 : 100 * (1 - failed / lookups)));
  const survival = minutes.map(({ missing, records }) =>
    records === 0 ? 100 : 100 * (1 - missing / records),
  );
  return [
    chart('Hops of lookups under churn', histogramOfHops(churn.hops)),
    chart('Latency of lookups under churn', cumulative(churn.latenciesMs)),
    chart(
      'Lookups that succeed',
      lineChart(x, { label: '%', min: Math.min(99, ...success), max: 100 }, [
        { name: 'found', values: success },
      ]),
    ),
    chart(
      'Records of living owners that can be fetched',
      lineChart(x, { label: '%', min: Math.min(99, ...survival), max: 100 }, [
        { name: 'there', values: survival },
      ]),
    ),
    chart(
      'Maintenance messages originated by a peer',
      lineChart(x, { label: 'per minute', min: 0 }, [
        { name: 'all', values: all },
        { name: 'Update', values: per(['update_req', 'update_ans']) },
        {
          name: 'Store, Stat, Fetch',
          values: per(['store_req', 'store_ans', 'stat_req', 'stat_ans', 'fetch_req', 'fetch_ans']),
        },
        {
          name: 'Ping, Attach, other',
          values: per([
            'ping_req',
            'ping_ans',
            'attach_req',
            'attach_ans',
            'join_req',
            'join_ans',
            'route_query_req',
            'route_query_ans',
            'leave_req',
            'leave_ans',
            'error',
          ]),
        },
      ]),
    ),
    chart(
      'Median latency of lookups, minute by minute',
      lineChart(x, { label: 'ms', min: 0 }, [
        { name: 'median', values: minutes.map(({ medianLatencyMs }) => medianLatencyMs) },
      ]),
    ),
  ];
}

function histogramOfHops(hops: readonly number[]): string {
  const longest = hops.reduce((a, b) => Math.max(a, b), 0);
  const bars = new Array<number>(longest + 1).fill(0);
  for (const count of hops) bars[count]!++;
  const parts = bars.map((count) => (100 * count) / Math.max(1, hops.length));
  return barChart({ label: 'links crossed' }, { label: '% of lookups' }, parts);
}

/** The part of the values that lie below, up to the 99.9th percentile. */
function cumulative(latenciesMs: readonly number[]): string {
  const parts = Array.from({ length: 200 }, (_, i) => (i / 199) * 0.999);
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const values = parts.map((part) => sorted[Math.floor(part * sorted.length)] ?? 0);
  return lineChart(
    { label: 'ms (99.9th percentile at the right)', values },
    { label: '% below', min: 0, max: 100 },
    [{ name: 'latency', values: parts.map((part) => part * 100) }],
  );
}

function chart(name: string, svg: string): string {
  return `<section><h2>${escaped(name)}</h2>${svg}</section>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** `12.3 (p50 11, p99 40)` */
export function spread(values: readonly number[], unit: string): string {
  const at = (part: number) => quantile(values, part).toFixed(0);
  return `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)} ${unit}`;
}
