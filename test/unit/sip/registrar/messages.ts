import { Event } from '../../../../src/base/index.ts';
import { parseMessage } from '../../../../src/sip/message/parser.ts';
import { SipRequest } from '../../../../src/sip/message/request.ts';
import type { SipResponse } from '../../../../src/sip/message/response.ts';
import type { Flow, TransportName } from '../../../../src/sip/transport/flow.ts';

/** A request as it would be received; lines with LF only, without the empty line at the end. */
export function request(text: string): SipRequest {
  const message = parse(text);
  if (!(message instanceof SipRequest)) throw new Error('not a request');
  return message;
}

function response(text: string): SipResponse {
  const message = parse(text);
  if (message instanceof SipRequest) throw new Error('not a response');
  return message;
}

function parse(text: string) {
  const head = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return parseMessage(Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), { datagram: true });
}

/** A final or provisional response to an imagined INVITE. */
export function answer(status: number, headers = ''): SipResponse {
  return response(`SIP/2.0 ${status} Whatever
    Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKcaller
    From: <sip:alice@example.org>;tag=a
    To: <sip:bob@example.org>;tag=b
    Call-ID: call-1
    CSeq: 1 INVITE
    ${headers}`);
}

/** A flow that remembers what is sent. */
export class FakeFlow implements Flow {
  static #lastId = 0;
  readonly id = ++FakeFlow.#lastId;
  readonly transport: TransportName;
  readonly remote;
  readonly local = { host: '192.0.2.1', port: 5060 };
  readonly listener = undefined;
  readonly peer: string | undefined;
  readonly closed = new Event<Error | undefined>();
  readonly sent: Uint8Array[] = [];
  open = true;

  constructor(transport: TransportName, remote: string, options: { peer?: string } = {}) {
    this.transport = transport;
    const colon = remote.lastIndexOf(':');
    this.remote = { host: remote.slice(0, colon), port: Number(remote.slice(colon + 1)) };
    this.peer = options.peer;
  }

  get reliable(): boolean {
    return this.transport !== 'UDP';
  }

  send(data: Uint8Array): void {
    this.sent.push(data);
  }

  close(): void {
    this.open = false;
    this.closed.emit(undefined);
  }
}
