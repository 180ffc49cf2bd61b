import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import type { SrvRecord } from '../../base/index.ts';

/** What can be asked for. */
export interface DnsQuestion {
  /** Lower case, without the dot at its end. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'SRV' | 'NAPTR';
}

/** One NAPTR record (RFC 3403). */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: string;
  readonly replacement: string;
}

/** A resource record as far as it is of use here; others are left out. */
export type DnsRecord = {
  /** Lower case, without the dot at its end. */
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
} & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | { readonly type: 'SRV'; readonly srv: SrvRecord }
  | { readonly type: 'NAPTR'; readonly naptr: NaptrRecord }
  /** `minimum`: for how long it is known that something is missing (RFC 2308 §4), seconds. */
  | { readonly type: 'SOA'; readonly minimum: number }
);

export interface DnsReply {
  /** `NOERROR`, `NXDOMAIN` and the names of errors. */
  readonly rcode: string;
  /** It did not fit into the datagram (TC). */
  readonly truncated: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
}

/** What passes unfragmented nearly everywhere. */
const DATAGRAM_BYTES = 1_232;
/** Of one section; a zone must not fill our memory. */
const MAX_RECORDS = 32;

/** Whether it can be asked for: RFC 1035 §2.3.4 bounds labels and names; SIP knows ASCII host names only. */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/.test(name);
}

/** @param edns says that answers of more than 512 bytes are welcome (RFC 6891); a few old servers take offence */
export function encodeQuery(id: number, { name, type }: DnsQuestion, edns: boolean): Uint8Array {
  const opt: Answer = {
    ...{ type: 'OPT', name: '.', udpPayloadSize: DATAGRAM_BYTES, extendedRcode: 0, ednsVersion: 0 },
    ...{ flags: 0, flag_do: false, options: [] },
  };
  return encode({
    ...{ type: 'query', id, flags: RECURSION_DESIRED },
    questions: [{ name, type, class: 'IN' }],
    ...(edns && { additionals: [opt] }),
  });
}

/** @returns undefined when it is malformed, or no answer to this question: whoever cannot see the id guesses (RFC 5452 §9.1) */
export function decodeReply(bytes: Uint8Array, id: number, question: DnsQuestion): DnsReply | undefined {
  let packet: ReturnType<typeof decode> & { readonly rcode?: string };
  try {
    packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch {
    return undefined;
  }
  // It reads strings beyond the end as if they began anew, and then knows no longer where it is.
  if (!(decode.bytes <= bytes.length)) return undefined;
  const { questions = [], answers = [], authorities = [], rcode = 'SERVFAIL', flag_tc: truncated } = packet;
  if (packet.type !== 'response' || packet.id !== id) return undefined;
  const [asked] = questions;
  const isOurs = asked !== undefined && lower(asked.name) === question.name && asked.type === question.type;
  // RFC 1035 §4.1.1: a server that could not read the query may leave the question out.
  if (!isOurs && !(questions.length === 0 && rcode === 'FORMERR')) return undefined;
  return {
    rcode,
    truncated,
    answers: answers.flatMap(recordOf).slice(0, MAX_RECORDS),
    authorities: authorities.flatMap(recordOf).slice(0, MAX_RECORDS),
  };
}

function recordOf(answer: Answer): DnsRecord[] {
  if (!('ttl' in answer)) return [];
  const common = { name: lower(answer.name), ttl: answer.ttl ?? 0 };
  switch (answer.type) {
    case 'A':
    case 'AAAA':
      return [{ ...common, type: answer.type, address: answer.data }];
    case 'CNAME':
      return [{ ...common, type: 'CNAME', target: lower(answer.data) }];
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = answer.data;
      return [{ ...common, type: 'SRV', srv: { priority, weight, port, target: lower(target) } }];
    }
    case 'NAPTR': {
      const { order, preference, flags, services, regexp, replacement } = answer.data;
      const rest = { regexp, replacement: lower(replacement) };
      return [{ ...common, type: 'NAPTR', naptr: { order, preference, flags, service: services, ...rest } }];
    }
    case 'SOA':
      return [{ ...common, type: 'SOA', minimum: answer.data.minimum ?? 0 }];
    default:
      return [];
  }
}

/** Names are compared without regard to case (RFC 4343). */
function lower(name: string): string {
  return name.toLowerCase();
}
