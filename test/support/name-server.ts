import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Question,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import type { Address, Connection, Network } from '../../src/base/index.ts';

const SOA = { mname: 'ns.test', rname: 'admin.test', serial: 1, refresh: 3600, retry: 600, expire: 86_400 };
/** What negative answers may be kept for, s. */
export const NEGATIVE_TTL = 20;

const RCODES: Readonly<Record<string, number>> = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

/** A name server for one set of records, over UDP and TCP, on a real network or a simulated one. */
export class NameServer {
  /** All it was asked, `SRV _sip._udp.example.org`, in order. */
  readonly asked: string[] = [];
  /** May be changed at any time. */
  records: Answer[];
  /** How it fails: by an error code, or by saying nothing. */
  fault: 'none' | 'silent' | 'FORMERR' | 'SERVFAIL' | 'REFUSED' = 'none';
  /** Takes offence at EDNS (RFC 6891 §7). */
  knowsEdns = true;
  /** Longer answers over UDP are cut (TC). */
  datagramBytes = 1_232;
  /** Asked over TCP so often. */
  streams = 0;
  readonly address: Address;
  readonly #closers: (() => Promise<void>)[] = [];

  private constructor(address: Address, records: Answer[]) {
    this.address = address;
    this.records = records;
  }

  /** @param port 0: any that is free for UDP and TCP alike */
  static async open(network: Network, host: string, records: Answer[], port = 0): Promise<NameServer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await NameServer.#open(network, { host, port }, records);
      } catch (error) {
        if (port !== 0 || attempt === 10) throw error;
      }
    }
  }

  static async #open(network: Network, local: Address, records: Answer[]): Promise<NameServer> {
    let server: NameServer;
    const socket = await network.bindDatagram(local, {
      onDatagram(query, from) {
        const answer = server.#answer(query, true);
        if (answer !== undefined) socket.send(answer, from);
      },
    });
    server = new NameServer(socket.local, records);
    const onConnection = (connection: Connection) => {
      server.streams += 1;
      connection.setHandler({
        onData(data) {
          const answer = server.#answer(data.subarray(2), false);
          if (answer === undefined) return;
          const length = Buffer.alloc(2);
          length.writeUInt16BE(answer.length);
          // In two pieces: a stream keeps no boundaries.
          connection.send(Buffer.concat([length, answer.subarray(0, 9)]));
          connection.send(answer.subarray(9));
        },
        onClose() {},
      });
    };
    const listener = await network.listen(socket.local, onConnection).catch(async (error) => {
      await socket.close();
      throw error;
    });
    server.#closers.push(
      () => socket.close(),
      () => listener.close(),
    );
    return server;
  }

  /** `address:port` */
  toString(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  #answer(query: Buffer, isDatagram: boolean): Buffer | undefined {
    const { id = 0, questions = [], additionals = [] } = decode(query);
    const [question] = questions;
    if (question === undefined || this.fault === 'silent') return undefined;
    this.asked.push(`${question.type} ${question.name}`);
    const isOffended = !this.knowsEdns && additionals.length > 0;
    const fault = isOffended ? 'FORMERR' : this.fault;
    if (fault !== 'none') return reply({ id, flags: RCODES[fault]! }, isOffended ? [] : [question], []);
    const answers = this.#find(question, 0);
    const isKnown = this.records.some((record) => same(record.name, question.name));
    const flags = AUTHORITATIVE_ANSWER | (isKnown ? 0 : RCODES.NXDOMAIN!);
    const whole = reply({ id, flags }, [question], answers);
    if (!isDatagram || whole.length <= this.datagramBytes) return whole;
    return reply({ id, flags: flags | TRUNCATED_RESPONSE }, [question], []);
  }

  #find({ name, type }: Question, depth: number): Answer[] {
    const own = this.records.filter((record) => same(record.name, name));
    const found = own.filter((record) => record.type === type);
    const alias = own.find((record) => record.type === 'CNAME');
    if (found.length > 0 || alias?.type !== 'CNAME' || depth > 20) return found;
    return [alias, ...this.#find({ name: alias.data, type }, depth + 1)];
  }
}

function reply(head: { id: number; flags: number }, questions: Question[], answers: Answer[]): Buffer {
  const isNegative = questions.length > 0 && answers.length === 0;
  const soa: Answer = { type: 'SOA', name: 'test', ttl: 300, data: { ...SOA, minimum: NEGATIVE_TTL } };
  return encode({ type: 'response', ...head, questions, answers, authorities: isNegative ? [soa] : [] });
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** `ttl` in seconds. */
export function addressRecord(name: string, address: string, ttl = 60): Answer {
  return { name, type: address.includes(':') ? 'AAAA' : 'A', ttl, data: address };
}

export function aliasRecord(name: string, target: string, ttl = 60): Answer {
  return { name, type: 'CNAME', ttl, data: target };
}

export function srvRecord(
  name: string,
  target: string,
  port: number,
  { priority = 10, weight = 60, ttl = 60 }: { priority?: number; weight?: number; ttl?: number } = {},
): Answer {
  return { name, type: 'SRV', ttl, data: { priority, weight, port, target } };
}

export function naptrRecord(name: string, order: number, services: string, replacement: string): Answer {
  const data = { order, preference: 0, flags: 's', services, regexp: '', replacement };
  return { name, type: 'NAPTR', ttl: 60, data };
}
