import { Churn } from './churn.ts';
import { grow } from './growth.ts';
import { htmlReport, spread } from './html-report.ts';
import { liveBytes } from './live-bytes.ts';
import { lookUp } from './lookups.ts';
import { Measurements, mean } from './measurements.ts';
import type { SimOptions } from './options.ts';
import { RecordWatch } from './record-watch.ts';
import { SimOverlay } from './sim-overlay.ts';

/** A simulation of days is stopped by its parameters, not by the clock's default. */
const NO_LIMIT_MS = 1e12;
const PROGRESS_MS = 60_000;
/** A progress line comes at most this often, ms of real time. */
const QUIET_MS = 5_000;
const LOOKUPS_AT_ONCE = 32;
const WARM_UP_PEERS = 50;

export interface Aim {
  readonly what: string;
  readonly met: boolean;
}

/** One simulation: growth, a quiet time, lookups in the settled ring, and then churn if it was asked for. */
export class Run {
  readonly aims: Aim[] = [];
  readonly #options: SimOptions;
  readonly #print: (line: string) => void;
  readonly #overlay: SimOverlay;
  readonly #startedAt = performance.now();
  #printedAt = 0;
  #bytesBefore = 0;
  #figures: (readonly [string, string])[] = [];
  #hops: number[] = [];
  #latenciesMs: number[] = [];
  #churn: Measurements | undefined;

  /** @param print takes lines of progress */
  constructor(options: SimOptions, print: (line: string) => void) {
    this.#options = options;
    this.#print = print;
    this.#overlay = new SimOverlay(options);
  }

  /** Name and value of everything that was measured. */
  get figures(): readonly (readonly [string, string])[] {
    return this.#figures;
  }

  async finish(): Promise<void> {
    try {
      await this.#run();
    } finally {
      this.#overlay.close();
    }
  }

  async #run(): Promise<void> {
    const { churnMs, seed } = this.#options;
    this.#figures.push(['seed', String(seed)]);
    await this.#grow();
    await this.#settle();
    await this.#measureHops();
    if (churnMs !== undefined) await this.#measureChurn(churnMs);
    const dropped = [...this.#overlay.counts.dropped].map(([reason, count]) => `${count} ${reason}`);
    this.#figure('messages dropped', dropped.join(', ') || 'none');
    const { user, system } = process.cpuUsage();
    const realMinutes = (performance.now() - this.#startedAt) / 60_000;
    this.#figure(
      'real time',
      `${realMinutes.toFixed(1)} min, ${((user + system) / 60e6).toFixed(1)} min of CPU`,
    );
    for (const { what, met } of this.aims) this.#figure(met ? 'met' : 'MISSED', what);
  }

  html(command: string): string {
    return htmlReport({
      title: `${this.#options.peers} peers${this.#options.churnMs === undefined ? '' : ' under churn'}`,
      command,
      figures: this.#figures,
      settledHops: this.#hops,
      settledLatenciesMs: this.#latenciesMs,
      churn: this.#churn,
    });
  }

  async #grow(): Promise<void> {
    await warmUp(this.#options);
    this.#bytesBefore = await liveBytes();
    const { peers } = this.#options;
    const { clock } = this.#overlay;
    await clock.runUntil(
      grow(this.#overlay, peers, (count) => this.#progress(`${count} of ${peers} peers`)),
      NO_LIMIT_MS,
    );
    this.#figure('peers', String(this.#overlay.peers.length));
    this.#figure('joined within', `${(clock.monotonic() / 1000).toFixed(0)} s of simulated time`);
    if (this.#overlay.failures.length > 0)
      this.#figure('joins that failed', String(this.#overlay.failures.length));
  }

  async #settle(): Promise<void> {
    await this.#advance(this.#options.settleMs, 'settling');
    const misplaced = this.#overlay.misplaced().length;
    this.#aim(`every peer has the right neighbours (${misplaced} have not)`, misplaced === 0);
    const { peers } = this.#overlay;
    this.#figure('links of a peer', mean(peers.map(({ node }) => node.ring().links.length)).toFixed(1));
    const bytes = (await liveBytes()) - this.#bytesBefore;
    this.#figure('memory of a peer', `${(bytes / peers.length / 1024).toFixed(1)} kB (heapUsed + external)`);
  }

  async #measureHops(): Promise<void> {
    const { clock, random } = this.#overlay;
    const { peers, lookups } = this.#options;
    let left = lookups;
    let failed = 0;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const owner = this.#overlay.anybody();
        const aor = owner.users[Math.floor(random.float() * owner.users.length)]!;
        const { found, hops, latencyMs } = await lookUp(this.#overlay, this.#overlay.anybody(), owner, aor);
        if (!found) failed++;
        this.#hops.push(hops);
        this.#latenciesMs.push(latencyMs);
      }
    };
    await clock.runUntil(Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, worker)), NO_LIMIT_MS);
    const meanHops = mean(this.#hops);
    const maxHops = Math.max(...this.#hops);
    const limits = { mean: 0.5 * Math.log2(peers) + 1, max: 2 * Math.log2(peers) };
    this.#figure('lookups, settled', `${lookups}, ${failed} failed`);
    this.#figure('latency, settled', spread(this.#latenciesMs, 'ms'));
    this.#aim(`mean hops ${meanHops.toFixed(2)}, at most ${limits.mean.toFixed(2)}`, meanHops <= limits.mean);
    this.#aim(`longest way ${maxHops} hops, at most ${limits.max.toFixed(1)}`, maxHops <= limits.max);
    this.#aim(`no lookup failed in the settled ring (${failed} did)`, failed === 0);
  }

  async #measureChurn(churnMs: number): Promise<void> {
    const measurements = new Measurements(this.#overlay);
    this.#churn = measurements;
    const churn = new Churn(this.#overlay, churnMs);
    const watch = new RecordWatch({ overlay: this.#overlay, measurements }, this.#options);
    churn.start();
    watch.start();
    measurements.start();
    await this.#advance(this.#options.durationMs, 'churn', () => {
      const { lookups, failed, missing } = measurements;
      return `${churn.crashes} crashes, ${lookups} lookups, ${failed} failed, ${missing} records missing`;
    });
    churn.stop();
    watch.stop();
    measurements.stop();
    this.#reportChurn(measurements, churn.crashes);
  }

  #reportChurn(measurements: Measurements, crashes: number): void {
    const { lookups, failed, longestOutageMs, minutes, latenciesMs, hops } = measurements;
    const success = 100 * (1 - failed / Math.max(1, lookups));
    const perMinute = mean(
      minutes.map(({ maintenance }) => [...maintenance.values()].reduce((a, b) => a + b, 0)),
    );
    this.#figure('crashes', `${crashes}, as many peers joined`);
    this.#figure('lookups, churn', `${lookups}, ${failed} failed`);
    this.#figure('latency, churn', spread(latenciesMs, 'ms'));
    this.#figure('hops, churn', `mean ${mean(hops).toFixed(2)}, max ${Math.max(...hops)}`);
    for (const name of new Set(minutes.flatMap(({ maintenance }) => [...maintenance.keys()]))) {
      const rate = mean(minutes.map(({ maintenance }) => maintenance.get(name) ?? 0));
      if (rate >= 0.05) this.#figure(`  ${name}`, `${rate.toFixed(1)} a peer and minute`);
    }
    this.#aim(`${success.toFixed(3)} % of lookups succeed, at least 99.9`, success >= 99.9);
    this.#aim(
      `longest time that a record was missing ${(longestOutageMs / 1000).toFixed(0)} s, at most 300`,
      longestOutageMs <= 300_000,
    );
    this.#aim(`${perMinute.toFixed(1)} maintenance messages a peer and minute, at most 60`, perMinute <= 60);
  }

  async #advance(ms: number, phase: string, more: () => string = () => ''): Promise<void> {
    for (let done = 0; done < ms; done += PROGRESS_MS) {
      await this.#overlay.clock.advance(Math.min(PROGRESS_MS, ms - done));
      this.#progress(
        `${phase}, minute ${Math.round(done / PROGRESS_MS) + 1} of ${Math.round(ms / PROGRESS_MS)} ${more()}`,
      );
    }
  }

  #progress(line: string): void {
    const now = performance.now();
    if (now - this.#printedAt < QUIET_MS) return;
    this.#printedAt = now;
    this.#print(`${((now - this.#startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}`);
  }

  #figure(name: string, value: string): void {
    this.#figures.push([name, value]);
  }

  #aim(what: string, met: boolean): void {
    this.aims.push({ what, met });
  }
}

/** Runs all code once, so that what it takes to be compiled does not count as the memory of peers. */
async function warmUp(options: SimOptions): Promise<void> {
  const overlay = new SimOverlay(options);
  await overlay.clock.runUntil(
    grow(overlay, WARM_UP_PEERS, () => {}),
    NO_LIMIT_MS,
  );
  await overlay.clock.advance(PROGRESS_MS);
  overlay.close();
}
