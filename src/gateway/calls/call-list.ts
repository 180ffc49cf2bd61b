import type { TracedPacket } from '../trace/trace-hub.ts';
import type { CallDetail, CallPage, CallSummary } from './call-views.ts';
import { KeptCall } from './kept-call.ts';
import { headerOf, tagOf } from './sip-text.ts';

export interface CallListOptions {
  /** Calls that are over, kept to be looked at. */
  readonly keep: number;
}

/** Calls in progress, whatever `keep` says; the oldest of more is forgotten: its BYE passed elsewhere, most likely. */
const MAX_RUNNING = 1000;
/** More new calls than this, in a second, are not listed: nobody reads them, and each costs time. */
const MAX_NEW_PER_S = 20;
/** Characters of all messages together; the oldest calls lose theirs first. */
const MAX_TEXT = 8_000_000;

/**
 * The calls of the last minutes with their messages, in memory: fed by the trace, read by the console. Most of what
 * passes costs a look into a map.
 */
export class CallList {
  readonly #options: CallListOptions;
  /** By Call-ID, in the order in which they began. */
  readonly #calls = new Map<string, KeptCall>();
  /** Call-IDs of those that are over, in the order in which they ended. */
  readonly #over = new Set<string>();
  #version = 0;
  #lastId = 0;
  #passedBy = 0;
  #textLength = 0;
  /** New calls in this second. */
  #second = 0;
  #inSecond = 0;

  constructor(options: CallListOptions) {
    this.#options = options;
  }

  /** Grows whenever a call changes. */
  get version(): number {
    return this.#version;
  }

  get running(): number {
    return this.#calls.size - this.#over.size;
  }

  get passedBy(): number {
    return this.#passedBy;
  }

  /** A `TraceObserver`. */
  observe(packet: TracedPacket): void {
    if (this.#calls.size === 0 && packet.method !== 'INVITE') return;
    const { traceId } = packet;
    if (traceId === undefined) return;
    const call = this.#calls.get(traceId) ?? this.#begin(traceId, packet);
    if (call === undefined) return;
    const before = call.textLength;
    call.take(packet);
    this.#textLength += call.textLength - before;
    this.#version += 1;
    call.version = this.#version;
    if (call.isOver && !this.#over.has(traceId)) this.#ended(traceId);
    else if (!call.isOver) this.#over.delete(traceId);
    if (this.#textLength > MAX_TEXT) this.#saveMemory();
  }

  /** Newest first. @param match part of a name or of the Call-ID */
  page({ offset, limit, match = '' }: { offset: number; limit: number; match?: string }): CallPage {
    const newestFirst = [...this.#calls.values()].reverse();
    const found = match === '' ? newestFirst : newestFirst.filter((call) => call.matches(match));
    const items = found.slice(offset, offset + limit).map((call) => call.summary());
    return { running: this.running, kept: this.#over.size, passedBy: this.#passedBy, items };
  }

  /** What changed after `version`, the latest changes if there are more than `limit`. */
  changedSince(version: number, limit: number): readonly CallSummary[] {
    if (version >= this.#version) return [];
    return [...this.#calls.values()]
      .filter((call) => call.version > version)
      .sort((a, b) => a.version - b.version)
      .slice(-limit)
      .map((call) => call.summary());
  }

  detail(id: string): CallDetail | undefined {
    for (const call of this.#calls.values()) {
      if (call.id === id) return call.detail();
    }
    return undefined;
  }

  /** Only an INVITE that comes in begins a call: what belongs to one that was not kept is passed over. */
  #begin(callId: string, packet: TracedPacket): KeptCall | undefined {
    if (packet.method !== 'INVITE') return undefined;
    if (!this.#hasRoom(packet.at)) {
      this.#passedBy += 1;
      return undefined;
    }
    if (isInDialog(packet)) return undefined;
    this.#inSecond += 1;
    if (this.running >= MAX_RUNNING) this.#forgetOldestRunning();
    this.#lastId += 1;
    const call = new KeptCall({ id: String(this.#lastId), callId: callId.slice(0, 256), at: packet.at });
    this.#calls.set(callId, call);
    return call;
  }

  #hasRoom(at: number): boolean {
    const second = Math.floor(at / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    return this.#inSecond < MAX_NEW_PER_S;
  }

  #ended(callId: string): void {
    this.#over.add(callId);
    for (const oldest of this.#over) {
      if (this.#over.size <= this.#options.keep) break;
      this.#forget(oldest);
    }
  }

  #forgetOldestRunning(): void {
    for (const callId of this.#calls.keys()) {
      if (this.#over.has(callId)) continue;
      this.#forget(callId);
      return;
    }
  }

  #forget(callId: string): void {
    this.#textLength -= this.#calls.get(callId)?.textLength ?? 0;
    this.#calls.delete(callId);
    this.#over.delete(callId);
  }

  #saveMemory(): void {
    for (const call of this.#calls.values()) {
      if (this.#textLength <= MAX_TEXT / 2) return;
      this.#textLength -= call.textLength;
      call.dropTexts();
    }
  }
}

/** RFC 3261 §12.2: a request within a dialog has a tag in To. */
function isInDialog({ bytes }: TracedPacket): boolean {
  return tagOf(headerOf(Buffer.from(bytes).toString('latin1'), 'to', 't')) !== undefined;
}
