import type { RequestContext, RequestHandler } from '../sip/proxy/ports.ts';
import type { CallHandler } from './call-handler.ts';
import type { RegistrationHandler } from './registration-handler.ts';

/** The adapter peer as the SIP side sees it (requirements A7, A9, A13): what happens to a request, by its method. */
export class AdapterPeer implements RequestHandler {
  readonly #registrations: RegistrationHandler;
  readonly #calls: CallHandler;

  constructor(deps: { readonly registrations: RegistrationHandler; readonly calls: CallHandler }) {
    this.#registrations = deps.registrations;
    this.#calls = deps.calls;
  }

  onRequest(context: RequestContext): Promise<void> {
    const isRegister = context.request.method === 'REGISTER';
    return isRegister ? this.#registrations.handle(context) : this.#calls.handle(context);
  }
}
