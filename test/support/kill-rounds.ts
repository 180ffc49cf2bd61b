import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { noMetrics, silentLogger } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { openDataDirectory } from '../../src/gateway/persistence/data-directory.ts';
import { systemClock } from '../../src/net/index.ts';
import { builtInKinds } from '../../src/reload/document/kinds.ts';
import { CertificateStore } from '../../src/reload/security/certificate-store.ts';
import { SelfSignedTrust } from '../../src/reload/security/trust-policy.ts';
import { ResourceStore } from '../../src/reload/storage/resource-store.ts';

const WRITER = fileURLToPath(new URL('../unit/gateway/persistence/endless-writer.js', import.meta.url));

/** One round in so many dies while the store is being opened, at the latest after this time. */
const EARLY_ROUNDS = 4;
const LONGEST_OPENING_MS = 400;
/** The others die when so many records were acknowledged in them: time tells nothing where the machine is busy. */
const RECORDS_OF_A_ROUND = { least: 20, most: 400 };

export interface KillRounds {
  readonly acknowledged: number;
  /** Records acknowledged in some round that are not there, or only an older value of them. */
  readonly lost: readonly string[];
  /** Other things that must not happen: another Node-ID, a store that was moved aside, a damaged record. */
  readonly faults: readonly string[];
}

/** Starts a writer on the directory so many times, each time kills it at a random moment, and looks at what is left. */
export async function killRounds(
  directory: string,
  { rounds, seed }: { readonly rounds: number; readonly seed: number },
): Promise<KillRounds> {
  const random = new SeededRandom(seed);
  const newest = new Map<string, number>();
  const lost: string[] = [];
  const faults: string[] = [];
  const nodes = new Set<string>();
  let acknowledged = 0;
  for (let round = 1; round <= rounds; round++) {
    const child = spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'ignore'] });
    const closed = once(child, 'close');
    const lines = collect(child);
    if (round % EARLY_ROUNDS === 0) {
      await delay(random.float() * LONGEST_OPENING_MS);
    } else {
      const { least, most } = RECORDS_OF_A_ROUND;
      const enough = least + random.float() * (most - least);
      while (lines().length < enough && child.exitCode === null) {
        await Promise.race([once(child.stdout!, 'data'), closed]);
      }
    }
    child.kill('SIGKILL');
    await closed;
    for (const line of lines()) {
      const [word = '', value = ''] = line.split(' ');
      if (word === 'node') nodes.add(value);
      else {
        acknowledged += 1;
        newest.set(word, Math.max(newest.get(word) ?? 0, Number(value)));
      }
    }
    const reports: string[] = [];
    const data = await openDataDirectory(directory, {
      durability: 'commit',
      onMovedAside: (report) => reports.push(report),
    });
    const store = storeOn(data.store);
    const { damaged } = await store.load();
    for (const [resource, storageTime] of newest) {
      if (store.newestAt(resource) < storageTime) lost.push(`round ${round}: ${resource} of ${storageTime}`);
      const { certificates } = store.fetch({
        resource,
        specifiers: [{ kind: 1, generation: 0, model: 'DICTIONARY', keys: [] }],
      });
      if (certificates.length !== 1) faults.push(`round ${round}: ${resource} without its certificate`);
    }
    store.close();
    await data.close();
    if (damaged > 0) faults.push(`round ${round}: ${damaged} damaged records`);
    faults.push(...reports.map((report) => `round ${round}: ${report}`));
  }
  if (nodes.size > 1) faults.push(`${nodes.size} Node-IDs`);
  return { acknowledged, lost, faults };
}

/** Whole lines only: a killed writer may have begun one. */
function collect(child: ChildProcess): () => string[] {
  let text = '';
  child.stdout!.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text.split('\n').slice(0, -1);
}

function storeOn(kv: ConstructorParameters<typeof ResourceStore>[0]['kv']): ResourceStore {
  const trust = new SelfSignedTrust({
    overlay: 'example.org',
    digest: 'sha256',
    admission: { kind: 'open' },
  });
  const certificates = new CertificateStore({ clock: systemClock, trust });
  return new ResourceStore(
    { clock: systemClock, kv, certificates, logger: silentLogger, metrics: noMetrics },
    { kinds: () => builtInKinds },
  );
}
