import { Event, silentLogger } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { createResponse } from '../../src/sip/message/build.ts';
import { parseMessage } from '../../src/sip/message/parser.ts';
import { SipRequest } from '../../src/sip/message/request.ts';
import { SipResponse } from '../../src/sip/message/response.ts';
import type { ServerTransaction } from '../../src/sip/transaction/server-transaction.ts';
import {
  TransactionLayer,
  type TransactionLayerDeps,
  type TransactionLayerOptions,
} from '../../src/sip/transaction/transaction-layer.ts';
import type { Flow, TransportName } from '../../src/sip/transport/flow.ts';
import { CountingMetrics } from './counting-metrics.ts';

let lastFlowId = 0;

/** A flow that exists in name only; what is sent on it, the bench writes down. */
export class PaperFlow implements Flow {
  readonly id = ++lastFlowId;
  readonly transport: TransportName;
  readonly reliable: boolean;
  readonly local = { host: '10.0.0.1', port: 5060 };
  readonly remote = { host: '10.0.0.2', port: 5060 };
  readonly listener = undefined;
  readonly peer: string | undefined;
  readonly closed = new Event<Error | undefined>();
  open = true;

  constructor(transport: TransportName, peer?: string) {
    this.transport = transport;
    this.reliable = transport !== 'UDP';
    this.peer = peer;
  }

  send(): void {}

  close(): void {
    this.open = false;
    this.closed.emit(undefined);
  }
}

/** One message sent: when, its first words, and over which flow. */
export interface Sent {
  readonly at: number;
  readonly line: string;
  readonly message: SipRequest | SipResponse;
  readonly flow: Flow;
}

/** A transaction layer between a transport and a transaction user that both only take notes. */
export function transactionBench(
  options: TransactionLayerOptions = {},
  overload?: TransactionLayerDeps['overload'],
) {
  const clock = new VirtualClock();
  const metrics = new CountingMetrics();
  const sent: Sent[] = [];
  const note = (data: Uint8Array, flow: Flow) => {
    if (!flow.open) return false;
    const message = parseMessage(Buffer.from(data), { datagram: false });
    const line = message instanceof SipRequest ? message.method : String(message.status);
    sent.push({ at: clock.monotonic(), line, message, flow });
    return true;
  };
  const user = {
    requests: [] as ServerTransaction[],
    acks: [] as SipRequest[],
    cancels: [] as (readonly [ServerTransaction, ServerTransaction | undefined])[],
    strays: [] as SipResponse[],
    onRequest: (transaction: ServerTransaction) => void user.requests.push(transaction),
    onAck: (ack: SipRequest) => void user.acks.push(ack),
    onCancel: (cancel: ServerTransaction, invite: ServerTransaction | undefined) =>
      void user.cancels.push([cancel, invite]),
    onResponse: (response: SipResponse) => void user.strays.push(response),
  };
  const transport = {
    setHandler() {},
    send: note,
    sendResponse: (data: Uint8Array, _via: unknown, flow: Flow) => void note(data, flow),
  };
  const random = new SeededRandom(1);
  const layer = new TransactionLayer(
    { transport, clock, random, logger: silentLogger, metrics, overload },
    options,
    user,
  );
  return {
    clock,
    metrics,
    layer,
    user,
    sent,
    /** `METHOD@ms` or `status@ms` of all that was sent. */
    timeline: () => sent.map(({ line, at }) => `${line}@${at}`),
  };
}

/** A request as it comes from, or goes to, 10.0.0.2. */
export function sipRequest(
  method: string,
  options: { branch?: string; sentBy?: string; to?: string } = {},
): SipRequest {
  const { branch = 'z9hG4bKb', sentBy = '10.0.0.2', to = '<sip:b@example.org>' } = options;
  const text = `${method} sip:b@example.org SIP/2.0
Via: SIP/2.0/UDP ${sentBy}${branch === '' ? '' : `;branch=${branch}`}
Max-Forwards: 70
From: <sip:a@example.org>;tag=1
To: ${to}
Call-ID: c
CSeq: 1 ${method}
Content-Length: 0

`.replace(/\n/g, '\r\n');
  const request = parseMessage(Buffer.from(text), { datagram: true });
  if (!(request instanceof SipRequest)) throw new Error('not a request');
  return request;
}

/** A response to it as it comes over the wire. */
export function sipResponse(request: SipRequest, status: number): SipResponse {
  const made = createResponse(request, status, undefined, { toTag: 'them' });
  const response = parseMessage(made.encode(), { datagram: true });
  if (!(response instanceof SipResponse)) throw new Error('not a response');
  return response;
}
