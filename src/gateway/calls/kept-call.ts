import { formatAddress } from '../../base/index.ts';
import type { TracedPacket } from '../trace/trace-hub.ts';
import { withoutSecrets } from '../trace/without-secrets.ts';
import type { CallDetail, CallState, CallSummary, LadderStep } from './call-views.ts';
import { reloadSummary } from './reload-summary.ts';
import { factsOf, headerOf, nameOf, type SipFacts, tagOf } from './sip-text.ts';

/** A ladder longer than this is no longer read by anybody. */
const MAX_STEPS = 100;
const MAX_TEXT = 4096;
const MAX_NAME = 256;

interface Step {
  readonly packet: Pick<TracedPacket, 'protocol' | 'direction' | 'at' | 'path'>;
  readonly label: string;
  readonly detail: string | undefined;
  readonly bytes: number;
  text: string | undefined;
}

/** One call: follows its messages, and keeps them for the ladder diagram. */
export class KeptCall {
  readonly id: string;
  readonly callId: string;
  /** Grows with each change, over all calls. */
  version = 0;
  /** Characters of messages held. */
  textLength = 0;
  #state: CallState = 'calling';
  #from = '';
  #to = '';
  #callerTag: string | undefined;
  #final: { readonly status: number; readonly reason: string } | undefined;
  #ringingAt: number | undefined;
  #answeredAt: number | undefined;
  #endedAt: number | undefined;
  #endedBy: 'caller' | 'callee' | undefined;
  #leftOut = 0;
  readonly #begunAt: number;
  readonly #steps: Step[] = [];

  constructor(options: { readonly id: string; readonly callId: string; readonly at: number }) {
    this.id = options.id;
    this.callId = options.callId;
    this.#begunAt = options.at;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Whether this text, in any case, is part of a name or of the Call-ID. */
  matches(text: string): boolean {
    return `${this.#from} ${this.#to} ${this.callId}`.toLowerCase().includes(text.toLowerCase());
  }

  take(packet: TracedPacket): void {
    if (packet.protocol === 'reload') {
      const { label, detail } = reloadSummary(packet.bytes);
      this.#keep(packet, { label, detail, text: undefined });
      return;
    }
    const text = Buffer.from(packet.bytes).toString('utf8');
    const facts = factsOf(text);
    const { method, status, reason, cseqMethod } = facts;
    if (method === undefined) this.#keep(packet, { label: `${status} ${reason}`, detail: cseqMethod, text });
    else this.#keep(packet, { label: method, detail: undefined, text });
    this.#follow(packet, facts, text);
  }

  /** Gives back the memory of the texts. */
  dropTexts(): void {
    for (const step of this.#steps) step.text = undefined;
    this.textLength = 0;
  }

  summary(): CallSummary {
    return {
      ...{ id: this.id, callId: this.callId, from: this.#from, to: this.#to, state: this.#state },
      ...this.#final,
      begin: iso(this.#begunAt),
      ...(this.#ringingAt !== undefined && { ringing: iso(this.#ringingAt) }),
      ...(this.#answeredAt !== undefined && { answer: iso(this.#answeredAt) }),
      ...(this.#endedAt !== undefined && { end: iso(this.#endedAt) }),
      ...(this.#endedBy && { endedBy: this.#endedBy }),
      messages: this.#steps.length + this.#leftOut,
    };
  }

  detail(): CallDetail {
    return {
      ...this.summary(),
      steps: this.#steps.map((step) => this.#toView(step)),
      leftOut: this.#leftOut,
    };
  }

  #keep(
    { protocol, direction, at, path, bytes }: TracedPacket,
    { label, detail, text }: Pick<Step, 'label' | 'detail' | 'text'>,
  ): void {
    if (this.#steps.length >= MAX_STEPS) {
      this.#leftOut += 1;
      return;
    }
    const kept = text?.slice(0, MAX_TEXT);
    this.textLength += kept?.length ?? 0;
    // A path may be the connection itself, which must not be held.
    const { transport, local, remote, peer } = path;
    const packet = { protocol, direction, at, path: { transport, local, remote, peer } };
    this.#steps.push({ packet, label, detail, bytes: bytes.length, text: kept });
  }

  #follow({ direction, at }: TracedPacket, facts: SipFacts, text: string): void {
    const { method, status, cseqMethod } = facts;
    // Requests as they come in, responses as they go out: so each is seen as its sender or the caller has it.
    if (method !== undefined && direction === 'in') this.#request(method, text, at);
    else if (status !== undefined && direction === 'out' && cseqMethod === 'INVITE')
      this.#response(status, facts.reason ?? '', at);
  }

  #request(method: string, text: string, at: number): void {
    const from = headerOf(text, 'from', 'f');
    if (method === 'INVITE' && tagOf(headerOf(text, 'to', 't')) === undefined) {
      this.#callerTag ??= tagOf(from);
      this.#from = nameOf(from).slice(0, MAX_NAME);
      this.#to = nameOf(headerOf(text, 'to', 't')).slice(0, MAX_NAME);
      // After a challenge the same call begins once more.
      if (this.isOver && this.#answeredAt === undefined) this.#again();
    } else if (method === 'BYE' && !this.isOver) {
      this.#endedBy = tagOf(from) === this.#callerTag ? 'caller' : 'callee';
      this.#end(at);
    }
  }

  #response(status: number, reason: string, at: number): void {
    // Of a re-INVITE, or the 200 of another branch.
    if (this.#answeredAt !== undefined || this.isOver) return;
    if (status < 200) {
      if (status === 100) return;
      this.#ringingAt ??= at;
      this.#state = 'ringing';
      return;
    }
    this.#final = { status, reason };
    if (status >= 300) {
      this.#end(at);
    } else {
      this.#answeredAt = at;
      this.#state = 'talking';
    }
  }

  #again(): void {
    this.#state = 'calling';
    this.#final = undefined;
    this.#endedAt = undefined;
  }

  #end(at: number): void {
    this.#endedAt = at;
    this.#state = 'over';
  }

  #toView({ packet, label, detail, bytes, text }: Step): LadderStep {
    const { protocol, direction, at, path } = packet;
    return {
      ...{ protocol, direction, ms: at - this.#begunAt },
      ...{ address: formatAddress(path.remote), transport: path.transport },
      ...(path.peer !== undefined && path.peer !== '' && { peer: path.peer }),
      label,
      ...(detail !== undefined && { detail }),
      bytes,
      ...(text !== undefined && { text: withoutSecrets(Buffer.from(text)).toString() }),
    };
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
