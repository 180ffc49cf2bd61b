import { type Clock, formatAddress, type Gauge, type Metrics } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipUri } from '../message/uri.ts';
import type { Flow } from '../transport/flow.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { CallObserver } from './ports.ts';
import { ownAor } from './request-context.ts';

/** One call that is over, as this server saw it. Times are ISO 8601. */
export interface CallRecord {
  /** Call-ID. */
  readonly call: string;
  /** AoRs of our users, URIs of others. */
  readonly from: string;
  readonly to: string;
  /** Where the INVITE came from: `host:port`, or the Node-ID of another adapter peer. */
  readonly source: string;
  /** The final status of the INVITE. */
  readonly status: number;
  readonly begin: string;
  /** Left out when nobody answered. */
  readonly answer?: string;
  readonly end: string;
  /** From answer to end, s; 0 when nobody answered. */
  readonly seconds: number;
  /** Of an answered call; `unknown`: no BYE was seen within a day, or until we were stopped. */
  readonly endedBy?: 'caller' | 'callee' | 'unknown';
}

interface Call {
  readonly call: string;
  readonly from: string;
  readonly to: string;
  readonly source: string;
  readonly begunAt: number;
  readonly answeredAt: number;
  readonly status: number;
}

const MAX_CALLS = 50_000;
const MAX_TEXT_LENGTH = 256;
const MAX_CALL_MS = 86_400_000;

/** Makes a record of every call that passes: its INVITE, the answer, the BYE. In memory only while the call runs. */
export class CallLog implements CallObserver {
  readonly #clock: Clock;
  readonly #own: OwnAddresses;
  readonly #write: (record: CallRecord) => void;
  readonly #running: Gauge;
  /** Answered calls by Call-ID and the caller's tag, in the order in which they were answered. */
  readonly #calls = new Map<string, Call>();

  /** @param deps.write takes the record of a call that is over */
  constructor(deps: {
    readonly clock: Clock;
    readonly metrics: Metrics;
    readonly own: OwnAddresses;
    readonly write: (record: CallRecord) => void;
  }) {
    this.#clock = deps.clock;
    this.#own = deps.own;
    this.#write = deps.write;
    this.#running = deps.metrics.gauge('sip_calls', 'Answered calls that are not over');
  }

  begin(request: SipRequest, flow: Flow): (status: number) => void {
    const { callId, from } = request;
    const key = keyOf(callId, request.fromTag);
    const begun = {
      call: callId.slice(0, MAX_TEXT_LENGTH),
      from: this.#nameOf(from.uri),
      to: this.#nameOf(request.uri),
      source: flow.peer ?? formatAddress(flow.remote),
      begunAt: this.#clock.now(),
    };
    return (status) => {
      // A challenge: the call begins with the request that follows.
      if (status === 401 || status === 407) return;
      const call = { ...begun, status, answeredAt: this.#clock.now() };
      if (status < 300) this.#answered(key, call);
      else this.#write(recordOf(call, call.answeredAt));
    };
  }

  bye(request: SipRequest): void {
    const { callId, fromTag, toTag } = request;
    this.#end(keyOf(callId, fromTag), 'caller');
    this.#end(keyOf(callId, toTag), 'callee');
  }

  /** Writes what is known of the calls that go on without us. */
  stop(): void {
    for (const key of [...this.#calls.keys()]) this.#end(key, 'unknown');
  }

  #answered(key: string, call: Call): void {
    if (this.#calls.has(key)) return;
    for (const [oldest, { answeredAt }] of this.#calls) {
      if (this.#calls.size < MAX_CALLS && call.answeredAt - answeredAt < MAX_CALL_MS) break;
      this.#end(oldest, 'unknown');
    }
    this.#calls.set(key, call);
    this.#running.set(this.#calls.size);
  }

  #end(key: string, endedBy: 'caller' | 'callee' | 'unknown'): void {
    const call = this.#calls.get(key);
    if (call === undefined) return;
    this.#calls.delete(key);
    this.#running.set(this.#calls.size);
    this.#write(recordOf(call, this.#clock.now(), endedBy));
  }

  #nameOf(uri: SipUri): string {
    return (ownAor(uri, this.#own) ?? uri.toString()).slice(0, MAX_TEXT_LENGTH);
  }
}

function keyOf(callId: string, callerTag: string | undefined): string {
  return `${callId.slice(0, MAX_TEXT_LENGTH)} ${(callerTag ?? '').slice(0, MAX_TEXT_LENGTH)}`;
}

function recordOf(
  { call, from, to, source, status, begunAt, answeredAt }: Call,
  endedAt: number,
  endedBy?: 'caller' | 'callee' | 'unknown',
): CallRecord {
  const begin = new Date(begunAt).toISOString();
  const end = new Date(endedAt).toISOString();
  const known = { call, from, to, source, status, begin };
  if (endedBy === undefined) return { ...known, end, seconds: 0 };
  const answer = new Date(answeredAt).toISOString();
  return { ...known, answer, end, seconds: Math.round((endedAt - answeredAt) / 100) / 10, endedBy };
}
