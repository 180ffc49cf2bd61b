import type { HeaderFields } from '../../../src/sip/message/build.ts';
import { parseMessage } from '../../../src/sip/message/parser.ts';
import { SipRequest } from '../../../src/sip/message/request.ts';
import { quote } from '../../../src/sip/message/text.ts';
import type { OwnAddresses } from '../../../src/sip/proxy/own-addresses.ts';
import type { ProxyOptions, ReplyOptions, RequestContext, Target } from '../../../src/sip/proxy/ports.ts';
import { ownAor } from '../../../src/sip/proxy/request-context.ts';
import type { Flow } from '../../../src/sip/transport/flow.ts';

export interface FakeRequest {
  readonly method?: string;
  readonly uri?: string;
  readonly from?: string;
  /** Display name in From. */
  readonly fromName?: string;
  readonly to?: string;
  readonly headers?: readonly string[];
  readonly overlayPeer?: string;
  readonly hasRoute?: boolean;
  readonly isStrayInDialog?: boolean;
}

/** A request on its way to a handler, and what the handler did about it. */
export class FakeContext implements RequestContext {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly overlayPeer: string | undefined;
  readonly requestAor: string | undefined;
  readonly fromAor: string | undefined;
  readonly toAor: string | undefined;
  readonly hasRoute: boolean;
  readonly isStrayInDialog: boolean;
  readonly cancelled = new AbortController().signal;
  status: number | undefined;
  reason: string | undefined;
  /** Of the reply. */
  headers: readonly (readonly [name: string, value: string])[] = [];
  contacts: readonly { readonly uri: string; readonly q?: number }[] = [];
  targets: Target[] = [];
  /** What proxying ends with. */
  outcome = 200;

  constructor(own: OwnAddresses, options: FakeRequest) {
    const {
      method = 'INVITE',
      uri = 'sip:bob@example.org',
      from = 'sip:alice@example.org',
      to = uri,
      fromName,
    } = options;
    const lines = [
      `${method} ${uri} SIP/2.0`,
      'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKx',
      'Max-Forwards: 70',
      `From: ${fromName === undefined ? '' : `${quote(fromName)} `}<${from}>;tag=a`,
      `To: <${to}>`,
      'Call-ID: c1',
      `CSeq: 1 ${method}`,
      ...(options.headers ?? []),
      'Content-Length: 0',
    ];
    const message = parseMessage(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), { datagram: true });
    if (!(message instanceof SipRequest)) throw new TypeError('not a request');
    this.request = message;
    this.overlayPeer = options.overlayPeer;
    this.hasRoute = options.hasRoute ?? false;
    this.isStrayInDialog = options.isStrayInDialog ?? false;
    this.requestAor = ownAor(message.uri, own);
    this.fromAor = ownAor(message.from.uri, own);
    this.toAor = ownAor(message.to.uri, own);
    const closed = { on: () => () => {} };
    const address = { host: '127.0.0.1', port: 5070 };
    this.flow = {
      ...{ id: 1, transport: 'UDP', reliable: false, local: address, remote: address, open: true, closed },
      listener: undefined,
      peer: options.overlayPeer,
      send() {},
    };
  }

  reply(status: number, reason?: string, { headers = [] }: ReplyOptions = {}): void {
    this.status = status;
    this.reason = reason;
    this.headers = [...headers];
  }

  challenge(status: number, headers: HeaderFields): void {
    this.status = status;
    this.headers = [...headers];
  }

  redirect(contacts: readonly { readonly uri: string; readonly q?: number }[]): void {
    this.status = 302;
    this.contacts = contacts;
  }

  async proxy(targets: readonly Target[], { later, emptyStatus = 480 }: ProxyOptions = {}): Promise<number> {
    this.targets = [...targets, ...((await later) ?? [])];
    this.status = this.targets.length === 0 ? emptyStatus : this.outcome;
    return this.status;
  }

  /** The targets in short: what they are and where they lead. */
  get summary(): string[] {
    return this.targets.map((target) => {
      if (target.kind === 'binding') return `binding ${target.binding.contact}`;
      return target.kind === 'peer' ? `peer ${target.peer} ${target.uri}` : `uri ${target.uri}`;
    });
  }
}
