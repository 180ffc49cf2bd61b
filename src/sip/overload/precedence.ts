import type { SipRequest } from '../message/request.ts';
import { isEmergencyUrn } from '../message/service-urn.ts';

/** What a request is for, as far as it counts when not all can be served. */
export type Purpose = 'emergency' | 'session' | 'registration' | 'new';

/** As much of a datagram as is searched for the headers below, bytes. */
const SEARCHED_BYTES = 4_096;

/** A To with a tag, or a header that asks for precedence. */
const SPECIAL_HEADER =
  /\r\n(?:to?[ \t]*:[^\r]*;[ \t]*tag[ \t]*=|priority[ \t]*:[ \t]*emergency|resource-priority[ \t]*:)/i;
const SPECIAL_START = /^(?:SIP\/|ACK |CANCEL |[A-Z]+ urn:)/i;

/** Tells requests apart by the little of them that this needs. */
export class Precedence {
  readonly #numbers: ReadonlySet<string>;
  readonly #numberStart: RegExp | undefined;

  /** @param options.emergencyNumbers users of Request-URIs, such as 112 */
  constructor({ emergencyNumbers = [] }: { readonly emergencyNumbers?: readonly string[] } = {}) {
    this.#numbers = new Set(emergencyNumbers);
    if (emergencyNumbers.length > 0) {
      const numbers = emergencyNumbers.map((number) => number.replace(/\W/g, '\\$&')).join('|');
      this.#numberStart = new RegExp(`^[A-Z]+ (?:sips?|tel):(?:${numbers})(?![0-9])`, 'i');
    }
  }

  /**
   * RFC 7339 §5.10.1: requests within dialogs, and emergencies by their URN, their Priority (RFC 3261 §20.26) or a
   * Resource-Priority (RFC 4412), go before others.
   */
  of(request: SipRequest): Purpose {
    const { method } = request;
    if (method === 'CANCEL' || method === 'ACK' || request.toTag !== undefined) return 'session';
    if (this.#isEmergency(request)) return 'emergency';
    return method === 'REGISTER' ? 'registration' : 'new';
  }

  /** Whether a datagram is a request of no precedence, without parsing it. */
  isOrdinary(data: Buffer): boolean {
    const text = data.toString('latin1', 0, SEARCHED_BYTES);
    if (SPECIAL_START.test(text) || this.#numberStart?.test(text) === true) return false;
    return !SPECIAL_HEADER.test(text);
  }

  #isEmergency(request: SipRequest): boolean {
    if (isEmergencyUrn(request.uri)) return true;
    if (this.#numbers.size > 0 && this.#numbers.has(request.uri.user ?? '')) return true;
    if (request.has('Resource-Priority')) return true;
    return request.header('Priority')?.toLowerCase() === 'emergency';
  }
}
