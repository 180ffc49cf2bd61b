import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { formatSip, header, parseSip, type SipText, statusOf } from './sip-text.ts';
import { eventually } from './wait.ts';

/** A phone of several users that answers everything 200 and keeps what it got, octet by octet. */
export class TortureCallee {
  readonly received: Buffer[] = [];
  readonly #socket = dgram.createSocket('udp4');
  #port: number;
  readonly #registered = new Set<string>();

  private constructor(port: number) {
    this.#port = port;
    this.#socket.on('message', (data) => this.#receive(data));
  }

  /** Registered at the gateway on this UDP port, without a password. */
  static async open(t: ExecutionContext, port: number, aors: readonly string[]): Promise<TortureCallee> {
    const callee = new TortureCallee(port);
    callee.#socket.bind(0, '127.0.0.1');
    await once(callee.#socket, 'listening');
    t.teardown(() => callee.#socket.close());
    for (const [index, aor] of aors.entries()) {
      callee.#register(aor, index);
      await eventually(`${aor} is registered`, 5_000, () => callee.#registered.has(`register-${index}`));
    }
    return callee;
  }

  get port(): number {
    return (this.#socket.address() as AddressInfo).port;
  }

  /** Where it sends from now on, for a gateway that was started later. */
  answerTo(port: number): void {
    this.#port = port;
  }

  #register(aor: string, index: number): void {
    const { port } = this;
    this.#send(
      formatSip(`REGISTER sip:${aor.slice(aor.lastIndexOf('@') + 1)} SIP/2.0`, [
        ['Via', `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKregister${index}`],
        ['Max-Forwards', '70'],
        ['From', `<sip:${aor}>;tag=callee`],
        ['To', `<sip:${aor}>`],
        ['Call-ID', `register-${index}`],
        ['CSeq', '1 REGISTER'],
        ['Contact', `<sip:callee${index}@127.0.0.1:${port}>`],
      ]),
    );
  }

  #receive(data: Buffer): void {
    const message = parseSip(data.toString('latin1').replace(/\r\n[ \t]+/g, ' '));
    if (message.start.startsWith('SIP/2.0')) {
      if (statusOf(message) === 200) this.#registered.add(header(message, 'call-id'));
      return;
    }
    this.received.push(data);
    if (message.start.startsWith('ACK ')) return;
    this.#answer(message);
  }

  #answer(request: SipText): void {
    const copied = ['via', 'record-route', 'from', 'call-id', 'cseq'].flatMap((name) =>
      (request.headers.get(name) ?? []).map((value): [string, string] => [name, value]),
    );
    const to = header(request, 'to');
    const tag = /;\s*tag\s*=/i.test(to) ? '' : ';tag=callee';
    this.#send(
      formatSip('SIP/2.0 200 OK', [
        ...copied,
        ['To', to + tag],
        ['Contact', `<sip:c@127.0.0.1:${this.port}>`],
      ]),
    );
  }

  #send(text: string): void {
    this.#socket.send(Buffer.from(text, 'latin1'), this.#port, '127.0.0.1');
  }
}
