import type { Random } from './random.ts';

/** One server of an SRV record set (RFC 2782). */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** The host that offers the service. */
  readonly target: string;
}

/** The order in which SRV targets are tried: by priority, then drawn by weight (RFC 2782, RFC 3263 §4.2). */
export function orderSrv(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    const left = records.filter((record) => record.priority === priority);
    while (left.length > 0) ordered.push(...left.splice(drawByWeight(left, random), 1));
  }
  return ordered;
}

/** The index of one record; the chance is in proportion to the weight, tiny for weight 0. */
function drawByWeight(records: readonly SrvRecord[], random: Random): number {
  const total = records.reduce((sum, { weight }) => sum + weight, 0);
  let point = random.float() * total;
  for (const [index, { weight }] of records.entries()) {
    point -= weight;
    if (point < 0) return index;
  }
  return records.length - 1;
}
