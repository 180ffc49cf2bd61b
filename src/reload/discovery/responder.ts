import type { DnsMessage, DnsQuestion, DnsRecord } from './dns-message.ts';
import type { ServiceRecords } from './service-records.ts';

/** A legacy resolver must not keep what nobody will take back (RFC 6762 §6.7). */
const LEGACY_TTL_S = 10;

/**
 * What a peer answers to a query (RFC 6762 §6, RFC 6763 §12): the records asked for, without those that the asker knows
 * already, and with them what it would ask for next.
 * @returns undefined when the query is none of our business
 */
export function answerTo(query: DnsMessage, { pointers, own }: ServiceRecords): DnsMessage | undefined {
  const all = [...pointers, ...own];
  const asked = all.filter((record) => query.questions.some((question) => matches(question, record)));
  const answers = asked.filter((record) => !query.answers.some((known) => isKnown(known, record)));
  if (answers.length === 0) return undefined;
  const additionals = answers.some(leadsToUs) ? own.filter((record) => !answers.includes(record)) : [];
  return { id: 0, isResponse: true, questions: [], answers, additionals };
}

/** The same for a resolver that knows nothing of multicast: as an ordinary DNS answer to itself alone. */
export function legacyAnswer(query: DnsMessage, answer: DnsMessage): DnsMessage {
  const short = (record: DnsRecord): DnsRecord => ({ ...record, ttl: Math.min(record.ttl, LEGACY_TTL_S) });
  return {
    id: query.id,
    isResponse: true,
    questions: query.questions,
    answers: answer.answers.map(short),
    additionals: answer.additionals.map(short),
  };
}

/** What a peer says unasked: that it is here, or, with a lifetime of 0, that it goes (RFC 6762 §§8.3, 10.1). */
export function announcementOf({ pointers, own }: ServiceRecords, isGoing = false): DnsMessage {
  const last = (record: DnsRecord): DnsRecord => (isGoing ? { ...record, ttl: 0 } : record);
  // The list of all services belongs to nobody: others may have an instance still.
  const answers = pointers.filter(leadsToUs).map(last);
  return { id: 0, isResponse: true, questions: [], answers, additionals: own.map(last) };
}

function matches({ name, type }: DnsQuestion, record: DnsRecord): boolean {
  return record.name === name && (type === 'ANY' || type === record.type);
}

/** RFC 6762 §7.1: "MUST NOT answer" what is known with at least half of its lifetime left. */
function isKnown(known: DnsRecord, ours: DnsRecord): boolean {
  return (
    known.type === 'PTR' &&
    ours.type === 'PTR' &&
    known.name === ours.name &&
    known.target === ours.target &&
    known.ttl >= ours.ttl / 2
  );
}

function leadsToUs(record: DnsRecord): boolean {
  return record.type === 'PTR' && record.name.includes('_reload-config');
}
