import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { Answer } from 'dns-packet';
import { SystemNetwork } from '../../src/net/index.ts';
import { type GatewayProcess, startGateway } from './gateway.ts';
import { NameServer } from './name-server.ts';
import { formatSip, parseSip, type SipText } from './sip-text.ts';
import { eventually } from './wait.ts';

/** A name server on loopback, closed when the test ends. */
export async function openNameServer(t: ExecutionContext, records: Answer[] = []): Promise<NameServer> {
  const server = await NameServer.open(new SystemNetwork(), '127.0.0.1', records);
  t.teardown(() => server.close());
  return server;
}

/** The peer of an overlay of its own, for the users alice and bob of that domain. */
export function startDomain(
  t: ExecutionContext,
  domain: string,
  sip: Record<string, unknown>,
): Promise<GatewayProcess> {
  return startGateway(
    t,
    async (port) => ({
      overlay: { name: domain, first: true, listen: [`tls://127.0.0.1:${await port()}`] },
      sip: { domains: [domain], listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'], ...sip },
    }),
    { users: ['alice', 'bob'].map((user) => ({ aor: `${user}@${domain}`, password: 'secret' })) },
  );
}

/** Somebody on the Internet: sends single requests to a gateway, and keeps the answers. */
export class Stranger {
  readonly #socket = dgram.createSocket('udp4');
  readonly #answers: SipText[] = [];
  readonly #host: string;
  #count = 0;

  private constructor(host: string) {
    this.#host = host;
    this.#socket.on('message', (data) => this.#answers.push(parseSip(data.toString('latin1'))));
  }

  static async open(t: ExecutionContext, host = '127.0.0.1'): Promise<Stranger> {
    const stranger = new Stranger(host);
    stranger.#socket.bind(0, host);
    await once(stranger.#socket, 'listening');
    t.teardown(() => stranger.#socket.close());
    return stranger;
  }

  /** The final status of a MESSAGE, or of another request. */
  async ask(port: number, { from, uri, method = 'MESSAGE' }: { from: string; uri: string; method?: string }) {
    this.#count += 1;
    const id = `${method}${this.#count}x${this.#host}`;
    const own = this.#socket.address() as AddressInfo;
    const request = formatSip(`${method} ${uri} SIP/2.0`, [
      ['Via', `SIP/2.0/UDP ${this.#host}:${own.port};branch=z9hG4bK${id}`],
      ['Max-Forwards', '70'],
      ['From', `<${from}>;tag=1`],
      ['To', `<${uri}>`],
      ['Call-ID', id],
      ['CSeq', `1 ${method}`],
      ['Contact', `<sip:stranger@${this.#host}:${own.port}>`],
    ]);
    this.#socket.send(request, port, '127.0.0.1');
    const isFinal = ({ start, headers }: SipText) =>
      headers.get('call-id')?.[0] === id && /^SIP\/2\.0 [2-6]/.test(start);
    const answer = await eventually(`an answer to ${method} ${uri}`, 10_000, () =>
      this.#answers.find(isFinal),
    );
    return Number(answer.start.split(' ')[1]);
  }
}
