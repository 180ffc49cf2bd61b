import type { RequestContext } from '../sip/proxy/ports.ts';

/**
 * Whether a request asks for, or reports, the state of the user who sends it (RFC 6665, RFC 3903): most desk phones
 * subscribe to message-summary or presence of their own AoR. To fork that would send it back to the phone itself, and
 * to the user's other phones, none of which is a notifier.
 */
export function isAboutSender({ request: { method }, requestAor, fromAor }: RequestContext): boolean {
  return requestAor !== undefined && requestAor === fromAor && EVENT_METHODS.has(method);
}

/** Nobody serves an event package of its users here (RFC 6665 §4.2.1.1, RFC 3903 §6 step 2). */
export function refuseEvent(context: RequestContext): void {
  context.reply(489);
}

const EVENT_METHODS = new Set(['SUBSCRIBE', 'PUBLISH']);
