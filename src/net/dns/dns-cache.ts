import { type Clock, CodedError, type Counter, LruMap, type Metrics } from '../../base/index.ts';
import type { DnsClient } from './dns-client.ts';
import { type DnsFinding, findingOf, MAX_ALIASES } from './dns-finding.ts';
import { type DnsQuestion, type DnsRecord, isDnsName } from './dns-message.ts';

export interface DnsCacheDeps {
  readonly client: Pick<DnsClient, 'ask'>;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** Answers kept; the one not asked for the longest gives way. */
const MAX_ANSWERS = 2_048;
/** Questions on their way; further ones fail at once. */
const MAX_QUESTIONS = 256;
/** What the zone says of TTLs counts between these, s. */
const MIN_TTL = 1;
const MAX_TTL = 3_600;
/** The same where there is nothing: whoever adds a record wants to see it work. */
const MAX_NEGATIVE_TTL = 300;
/** Servers that did not tell are not asked again before, s (RFC 2308 §7). */
const FAILURE_TTL = 5;
/** While servers do not tell, what they told last still counts, for a day at the most and 30 s each time (RFC 8767 §5). */
const MAX_STALE_MS = 86_400_000;
const STALE_TTL = 30;

interface Kept {
  readonly outcome: readonly DnsRecord[] | CodedError;
  /** Monotonic ms. */
  freshUntil: number;
  readonly usableUntil: number;
}

const NONE: readonly DnsRecord[] = [];

/** Answers of name servers, kept for as long as their zones allow; equal questions share one that is under way. */
export class DnsCache {
  readonly #deps: DnsCacheDeps;
  readonly #kept = new LruMap<string, Kept>(MAX_ANSWERS);
  readonly #asking = new Map<string, Promise<readonly DnsRecord[]>>();
  readonly #counts: Readonly<Record<'kept' | 'records' | 'none' | 'failed' | 'stale', Counter>>;

  constructor(deps: DnsCacheDeps) {
    this.#deps = deps;
    const counter = (result: string) =>
      deps.metrics.counter('dns_questions_total', 'DNS lookups by where their answer came from', { result });
    this.#counts = {
      ...{ kept: counter('kept'), records: counter('records'), none: counter('none') },
      ...{ failed: counter('failed'), stale: counter('stale') },
    };
  }

  /**
   * The records of that name and type, aliases followed; none when there are none.
   * @throws CodedError 'dns-failed'
   */
  async resolve(question: DnsQuestion): Promise<readonly DnsRecord[]> {
    if (!isDnsName(question.name)) return NONE;
    const key = `${question.type} ${question.name}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#deps.clock.monotonic() < kept.freshUntil) {
      this.#counts.kept.inc();
      return given(kept);
    }
    const running = this.#asking.get(key);
    if (running !== undefined) return running;
    if (this.#asking.size >= MAX_QUESTIONS) throw new CodedError('dns-failed', 'too many DNS questions');
    const asking = this.#ask(question, key, kept).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(question: DnsQuestion, key: string, old: Kept | undefined): Promise<readonly DnsRecord[]> {
    const { clock } = this.#deps;
    try {
      const finding = await this.#follow(question);
      const records = finding.kind === 'records' ? finding.records : NONE;
      const isNone = records.length === 0;
      this.#counts[isNone ? 'none' : 'records'].inc();
      const ttl = Math.min(Math.max(finding.ttl, MIN_TTL), isNone ? MAX_NEGATIVE_TTL : MAX_TTL);
      const freshUntil = clock.monotonic() + 1000 * ttl;
      const usableUntil = isNone ? freshUntil : freshUntil + MAX_STALE_MS;
      this.#kept.set(key, { outcome: records, freshUntil, usableUntil });
      return records;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const now = clock.monotonic();
      if (old !== undefined && now < old.usableUntil) {
        this.#counts.stale.inc();
        old.freshUntil = now + 1000 * STALE_TTL;
        return given(old);
      }
      this.#counts.failed.inc();
      const usableUntil = now + 1000 * FAILURE_TTL;
      this.#kept.set(key, { outcome: error, freshUntil: usableUntil, usableUntil });
      throw error;
    }
  }

  async #follow({ name, type }: DnsQuestion): Promise<DnsFinding> {
    let asked = name;
    let ttl = MAX_TTL;
    for (let followed = 0; followed <= MAX_ALIASES; followed++) {
      const question = { name: asked, type };
      const finding = findingOf(await this.#deps.client.ask(question), question);
      ttl = Math.min(ttl, finding.ttl);
      if (finding.kind !== 'alias' || !isDnsName(finding.target)) return { ...finding, ttl };
      asked = finding.target;
    }
    throw new CodedError('dns-failed', `DNS for ${name}: too many aliases`);
  }
}

function given({ outcome }: Kept): readonly DnsRecord[] {
  if (outcome instanceof CodedError) throw outcome;
  return outcome;
}
