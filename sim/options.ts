import { parseArgs } from 'node:util';

/** What one run simulates. Times in ms. */
export interface SimOptions {
  readonly peers: number;
  /** Mean of the exponential session lengths; undefined: nobody leaves. */
  readonly churnMs: number | undefined;
  /** How long churn goes on. */
  readonly durationMs: number;
  /** Quiet time between the last join and the measurement of hops. */
  readonly settleMs: number;
  readonly seed: number;
  /** Lookups that measure hops in the settled ring. */
  readonly lookups: number;
  /** Each record is looked up this often under churn. */
  readonly probeMs: number;
  readonly realSignatures: boolean;
  readonly recordsPerPeer: number;
  readonly latencyMs: readonly [min: number, max: number];
  /** Where the plots go. */
  readonly out: string;
}

export const USAGE = `npm run sim -- [options]

  --peers N            peers in the overlay (default 100)
  --churn TIME         mean session length, e.g. 60m; all departures are crashes, each is followed by a new peer
  --hours H            how long churn goes on (default 2)
  --settle TIME        quiet time before hops are measured (default 10m)
  --lookups N          lookups that measure hops (default 5000)
  --probe TIME         under churn, each record is looked up this often (default 60s)
  --records N          records each peer keeps (default 1)
  --signatures KIND    cheap (checksums, default) or real (ECDSA P-256)
  --latency MIN-MAX    one-way delay in ms (default 10-30)
  --seed N             the same seed gives the same run (default 1)
  --out FILE           the plots, an HTML file (default sim.html)`;

/** @throws Error with one line for people */
export function parseOptions(args: readonly string[]): SimOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peers: { type: 'string', default: '100' },
      churn: { type: 'string' },
      hours: { type: 'string', default: '2' },
      settle: { type: 'string', default: '10m' },
      lookups: { type: 'string', default: '5000' },
      probe: { type: 'string', default: '60s' },
      records: { type: 'string', default: '1' },
      signatures: { type: 'string', default: 'cheap' },
      latency: { type: 'string', default: '10-30' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string', default: 'sim.html' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (!['cheap', 'real'].includes(values.signatures)) throw new Error('--signatures is cheap or real');
  return {
    peers: count('--peers', values.peers, 2),
    churnMs: values.churn === undefined ? undefined : duration('--churn', values.churn),
    durationMs: number('--hours', values.hours) * 3_600_000,
    settleMs: duration('--settle', values.settle),
    seed: count('--seed', values.seed, 0),
    lookups: count('--lookups', values.lookups, 1),
    probeMs: duration('--probe', values.probe),
    realSignatures: values.signatures === 'real',
    recordsPerPeer: count('--records', values.records, 1),
    latencyMs: range('--latency', values.latency),
    out: values.out,
  };
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name}: ${text} is not a number`);
  return value;
}

function count(name: string, text: string, min: number): number {
  const value = number(name, text);
  if (!Number.isInteger(value) || value < min)
    throw new Error(`${name}: ${text} is not a number from ${min} on`);
  return value;
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

function duration(name: string, text: string): number {
  const [, digits = '', unit = ''] = /^([\d.]+)([smh])$/.exec(text) ?? [];
  if (digits === '') throw new Error(`${name}: ${text} is not a time such as 90s, 60m or 2h`);
  return number(name, digits) * (UNITS[unit] ?? 0);
}

function range(name: string, text: string): readonly [number, number] {
  const [min = '', max = min] = text.split('-');
  const [low, high] = [number(name, min), number(name, max)];
  if (low > high) throw new Error(`${name}: ${text} is not a range such as 10-30`);
  return [low, high];
}
