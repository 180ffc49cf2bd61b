import type { SipRequest } from '../message/request.ts';
import { BRANCH_COOKIE } from '../message/via.ts';

/** Between the unique part of a branch and the part that tells loops from spirals. */
const SEPARATOR = '.l';

/**
 * Branches of requests we forward (RFC 5393 §4.2.1): a part that is unique, and a hash over all of the received request
 * that routing depends on.
 */
export class LoopDetector {
  /** How our branches begin. */
  readonly #ours: string;
  #serial = 0;

  /** @param options.boot random text of this run: sets our Vias apart from everybody's, also of our earlier runs */
  constructor(options: { boot: string }) {
    this.#ours = BRANCH_COOKIE + options.boot;
  }

  /** The hash of a request as it was received, before Routes are popped. */
  fingerprint(request: SipRequest): string {
    let hash = fnv1a(0x811c9dc5, request.requestUri);
    hash = fnv1a(hash, request.callId);
    hash = fnv1a(hash, request.fromTag ?? '');
    hash = fnv1a(hash, request.toTag ?? '');
    hash = fnv1a(hash, request.header('Route') ?? '');
    return ((Math.imul(hash, 31) + request.cseq.number) >>> 0).toString(36);
  }

  /** A new branch, with the cookie. */
  branch(fingerprint: string): string {
    this.#serial += 1;
    return `${this.#ours}${this.#serial.toString(36)}${SEPARATOR}${fingerprint}`;
  }

  /**
   * RFC 5393 §4.2.2: whether this very request has been here before. Branches of ours are found by their text: what
   * others wrote into their Vias need not even be well-formed.
   */
  isLooped(request: SipRequest, fingerprint: string): boolean {
    // Most requests come straight from a phone: one line, which needs no taking apart.
    if (request.lineCount('Via') === 1) return this.#isOurs(request.header('Via') ?? '', fingerprint);
    return request.headers('Via').some((via) => this.#isOurs(via, fingerprint));
  }

  #isOurs(via: string, fingerprint: string): boolean {
    return via.includes(this.#ours) && branchEndsWith(via, SEPARATOR + fingerprint);
  }
}

/** Whether the mark ends a parameter of a Via, or of one of several in a line. */
function branchEndsWith(via: string, mark: string): boolean {
  for (let at = via.indexOf(mark); at >= 0; at = via.indexOf(mark, at + 1)) {
    const after = at + mark.length;
    if (after === via.length || ';, \t'.includes(via[after]!)) return true;
  }
  return false;
}

/** 32 bits suffice (RFC 5393 §4.2.4): only Vias of our own are compared, and they are few. */
function fnv1a(seed: number, text: string): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return Math.imul(hash ^ 0xff, 0x01000193);
}
