import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet';
import { CodedError, errorMessage } from '../../base/index.ts';

/** A resource record, as far as DNS-SD needs it (RFC 6763). Names without the dot at their end. */
export type DnsRecord = {
  readonly name: string;
  /** Seconds; 0 takes the record back (RFC 6762 §10.1). */
  readonly ttl: number;
} & (
  | { readonly type: 'PTR'; readonly target: string }
  | { readonly type: 'SRV'; readonly target: string; readonly port: number }
  | { readonly type: 'TXT'; readonly texts: readonly string[] }
  | { readonly type: 'A' | 'AAAA'; readonly host: string }
);

export interface DnsQuestion {
  readonly name: string;
  readonly type: DnsRecord['type'] | 'ANY';
}

/** A query or a response. */
export interface DnsMessage {
  /** 0 in multicast DNS. */
  readonly id: number;
  readonly isResponse: boolean;
  readonly questions: readonly DnsQuestion[];
  /** Of a query: what its sender knows already (RFC 6762 §7.1). */
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** RFC 6762 §17: "A Multicast DNS packet larger than the interface MTU" is the rare case; ours are far below. */
const MAX_BYTES = 4_096;
/** Records of one message that are looked at. */
const MAX_RECORDS = 256;

const TYPES: readonly string[] = ['PTR', 'SRV', 'TXT', 'A', 'AAAA', 'ANY'];

/**
 * @param shared record types of which others have records of the same name, so that ours do not replace theirs (RFC 6762
 * §10.2); undefined: none of them replaces any, as a legacy resolver wants it (§6.7)
 */
export function encodeDns(message: DnsMessage, shared?: readonly DnsRecord['type'][]): Uint8Array {
  const toAnswer = (record: DnsRecord) =>
    answerOf(record, shared !== undefined && !shared.includes(record.type));
  return encode({
    type: message.isResponse ? 'response' : 'query',
    id: message.id,
    flags: message.isResponse ? AUTHORITATIVE_ANSWER : 0,
    questions: message.questions.map(({ name, type }) => ({ name, type: type as Answer['type'] & 'PTR' })),
    answers: message.answers.map(toAnswer),
    additionals: message.additionals.map(toAnswer),
  });
}

/**
 * Records and questions of other types are left out.
 * @throws CodedError 'dns-malformed'
 */
export function decodeDns(bytes: Uint8Array): DnsMessage {
  if (bytes.length > MAX_BYTES) throw malformed(`${bytes.length} bytes`);
  let packet: ReturnType<typeof decode>;
  try {
    packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    throw malformed(errorMessage(error), error);
  }
  const { id = 0, type, questions = [], answers = [], additionals = [] } = packet;
  const known = questions.filter((question) => TYPES.includes(question.type));
  return {
    id,
    isResponse: type === 'response',
    questions: known
      .slice(0, MAX_RECORDS)
      .map((question) => ({ name: lower(question.name), type: question.type as DnsQuestion['type'] })),
    answers: answers.slice(0, MAX_RECORDS).flatMap(recordOf),
    additionals: additionals.slice(0, MAX_RECORDS).flatMap(recordOf),
  };
}

function answerOf(record: DnsRecord, flush: boolean): Answer {
  const { name, ttl } = record;
  const common = { name, ttl, class: 'IN' as const, flush };
  switch (record.type) {
    case 'PTR':
      return { ...common, type: 'PTR', data: record.target };
    case 'SRV':
      return { ...common, type: 'SRV', data: { target: record.target, port: record.port } };
    case 'TXT':
      return { ...common, type: 'TXT', data: [...record.texts] };
    case 'A':
      return { ...common, type: 'A', data: record.host };
    case 'AAAA':
      return { ...common, type: 'AAAA', data: record.host };
  }
}

function recordOf(answer: Answer): DnsRecord[] {
  if (!('ttl' in answer)) return [];
  const common = { name: lower(answer.name), ttl: answer.ttl ?? 0 };
  switch (answer.type) {
    case 'PTR':
      return [{ ...common, type: 'PTR', target: lower(answer.data) }];
    case 'SRV':
      return [{ ...common, type: 'SRV', target: lower(answer.data.target), port: answer.data.port }];
    case 'TXT':
      return [{ ...common, type: 'TXT', texts: [answer.data].flat().map(String) }];
    case 'A':
      return [{ ...common, type: 'A', host: answer.data }];
    case 'AAAA':
      return [{ ...common, type: 'AAAA', host: answer.data }];
    default:
      return [];
  }
}

/** Names are compared without regard to case. */
function lower(name: string): string {
  return name.toLowerCase();
}

function malformed(message: string, cause?: unknown): CodedError {
  return new CodedError('dns-malformed', `not a DNS message: ${message}`, { origin: 'remote', cause });
}
