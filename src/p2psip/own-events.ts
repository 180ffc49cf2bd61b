import type { RequestContext } from '../sip/proxy/ports.ts';
import type { RegistrationEvents } from './registration-events.ts';

/**
 * Whether a request asks for, or reports, the state of the user who sends it (RFC 6665, RFC 3903): most desk phones
 * subscribe to message-summary or presence of their own AoR. To fork that would send it back to the phone itself, and
 * to the user's other phones, none of which is a notifier.
 */
export function isAboutSender({ request: { method }, requestAor, fromAor }: RequestContext): boolean {
  return requestAor !== undefined && requestAor === fromAor && EVENT_METHODS.has(method);
}

/**
 * Answers it: his registrations we tell, all else is 489 (RFC 6665 §4.2.1.1, RFC 3903 §6 step 2).
 * @param options.isProved whether the sender is that user, rather than one who only says so
 */
export function answerOwnEvent(
  context: RequestContext,
  aor: string,
  { events, isProved }: { readonly events: RegistrationEvents; readonly isProved: boolean },
): void {
  const { request } = context;
  const name = request.header('Event')?.split(';', 1)[0]?.trim();
  if (request.method === 'SUBSCRIBE' && name === 'reg') {
    // RFC 3680 §6: contacts tell where a user is.
    if (isProved) events.subscribe(context, aor);
    else context.reply(403);
  } else context.reply(489, undefined, { headers: [['Allow-Events', 'reg']] });
}

const EVENT_METHODS = new Set(['SUBSCRIBE', 'PUBLISH']);
