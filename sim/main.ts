import { parseArgs } from 'node:util';
import { SimOverlay } from './sim-overlay.ts';

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '64' },
    minutes: { type: 'string', default: '10' },
    lookups: { type: 'string', default: '2000' },
  },
});
const N = Number(values.peers);
const overlay = new SimOverlay({
  seed: Number(values.seed),
  latencyMs: [10, 30],
  realSignatures: false,
  recordsPerPeer: Number(process.env.RECORDS ?? 1),
});
const t0 = Date.now();
const log = (s: string) =>
  console.log(
    `${((Date.now() - t0) / 1000).toFixed(1)}s virtual ${(overlay.clock.monotonic() / 1000).toFixed(0)}s  ${s}`,
  );
await overlay.clock.runUntil(overlay.add());
let started = 1;
const grow = async () => {
  const joining = new Set<Promise<unknown>>();
  while (started < N) {
    const atOnce = Math.min(Number(values['at-once']), 1 + Math.floor(overlay.peers.length / 16));
    if (joining.size >= atOnce) {
      await Promise.race(joining);
      continue;
    }
    started++;
    const p: Promise<unknown> = overlay.add().finally(() => joining.delete(p));
    joining.add(p);
    if (started % 500 === 0)
      log(
        `${started} peers; ${[...overlay.counts.sent].map(([k, v]) => `${k} ${(v / started).toFixed(1)}`).join(' ')} segs ${(overlay.network.totals.segments / started).toFixed(0)}`,
      );
  }
  await Promise.all(joining);
};
await overlay.clock.runUntil(grow(), 100_000_000);
log(`grown; misplaced ${overlay.misplaced().length}, failures ${overlay.failures.length}`);
const mem = () => {
  global.gc?.();
  global.gc?.();
  const m = process.memoryUsage();
  return `heap ${((m.heapUsed + m.external) / N / 1024).toFixed(1)} kB/peer (external ${(m.external / N / 1024).toFixed(1)}) rss ${(m.rss / 1e6).toFixed(0)} MB`;
};
log(mem());
const before = new Map(overlay.counts.sent);
await overlay.clock.advance(Number(values.minutes) * 60_000);
log(`settled; misplaced ${overlay.misplaced().length}; ${mem()}`);
const links = overlay.peers.map((p) => p.node.ring().links.length);
log(`links mean ${links.reduce((a, b) => a + b, 0) / N} max ${Math.max(...links)}`);
const fingers = overlay.peers.map((p) => p.node.ring().fingers.length);
log(`fingers mean ${fingers.reduce((a, b) => a + b, 0) / N} max ${Math.max(...fingers)}`);
const rates = [...overlay.counts.sent].map(
  ([k, v]) => `${k} ${((v - (before.get(k) ?? 0)) / N / Number(values.minutes)).toFixed(2)}`,
);
log(`per peer per minute: ${rates.join(', ')}`);
const hops: number[] = [];
let failed = 0;
const lookup = async () => {
  const asking = overlay.anybody();
  const target = overlay.anybody();
  const { result, hops: h } = await overlay.observer.follow(() =>
    asking.overlay.fetchRegistrations(target.users[0]!),
  );
  if (result.some((e) => e.node === target.nodeId)) hops.push(h);
  else failed++;
};
for (let i = 0; i < Number(values.lookups); i++) await overlay.clock.runUntil(lookup());
hops.sort((a, b) => a - b);
const mean = hops.reduce((a, b) => a + b, 0) / hops.length;
log(
  `hops mean ${mean.toFixed(2)} (aim ${(0.5 * Math.log2(N) + 1).toFixed(2)}) max ${hops.at(-1)} (aim ${(2 * Math.log2(N)).toFixed(1)}) failed ${failed}`,
);
if (process.env.SNAP) {
  const v8 = await import('node:v8');
  global.gc?.();
  v8.writeHeapSnapshot(process.env.SNAP);
}
process.exit(0);
