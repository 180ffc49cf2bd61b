import {
  type Clock,
  CodedError,
  type Counter,
  formatAddress,
  type Metrics,
  withTimeout,
} from '../base/index.ts';
import { type ContactParams, contactPrefsOf } from '../reload/usages/sip/contact-prefs.ts';
import type { Authenticator } from '../sip/auth/authenticator.ts';
import { parseParams } from '../sip/message/params.ts';
import { unquote } from '../sip/message/text.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import type { RequestContext } from '../sip/proxy/ports.ts';
import type { Binding } from '../sip/registrar/binding.ts';
import type { BindingChange, BindingStore } from '../sip/registrar/binding-store.ts';
import type { Registrar } from '../sip/registrar/registrar.ts';
import { type Flow, transportParam } from '../sip/transport/flow.ts';
import type { Overlay } from './overlay.ts';
import type { Presence } from './publication.ts';
import type { RegistrationPublisher } from './registration-publisher.ts';

interface Deps {
  readonly registrar: Registrar;
  readonly bindings: BindingStore;
  readonly publisher: RegistrationPublisher;
  readonly own: OwnAddresses;
  readonly overlay: Pick<Overlay, 'admits'>;
  /** Undefined where nobody is asked for a password (`auth: none`). */
  readonly authenticator: Authenticator | undefined;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface RegistrationHandlerOptions {
  /** The 200 to a REGISTER waits this long for its Store in the overlay; then the Store goes on behind. */
  readonly storeWaitMs: number;
  /** Whether phones are told to send their requests to this peer (RFC 3608). */
  readonly serviceRoute: boolean;
}

const defaultRegistrationHandlerOptions: RegistrationHandlerOptions = {
  storeWaitMs: 500,
  serviceRoute: false,
};

/** REGISTER → bindings here → a record in the overlay (requirement A13). */
export class RegistrationHandler {
  readonly #deps: Deps;
  readonly #options: RegistrationHandlerOptions;
  readonly #late: Counter;

  constructor(deps: Deps, options: Partial<RegistrationHandlerOptions> = {}) {
    this.#deps = deps;
    this.#options = { ...defaultRegistrationHandlerOptions, ...options };
    const help = 'REGISTERs answered before their Store was acknowledged';
    this.#late = deps.metrics.counter('p2psip_registration_stores_late_total', help);
    deps.bindings.changed.on((change) => this.#onChange(change));
  }

  /** Publishes what the bindings of an earlier run say; call once they are loaded and the overlay is joined. */
  publishAll(): void {
    for (const [aor, bindings] of this.#deps.bindings.entries()) {
      this.#deps.publisher.update(aor, presenceOf(bindings));
    }
  }

  /** Answers a REGISTER. */
  async handle(context: RequestContext): Promise<void> {
    const { request, flow, overlayPeer, fromAor, toAor } = context;
    const { own, overlay, authenticator, registrar } = this.#deps;
    // Another peer has its own record of the users it serves; it has no business registering contacts here.
    if (overlayPeer !== undefined) return context.reply(403, 'Register At Your Own Peer');
    // RFC 4475 §3.3.4: an AoR is a SIP or SIPS URI.
    if (!request.to.uri.isSip) return context.reply(400, 'To Is No SIP URI');
    const { host, port } = request.uri;
    // RFC 3261 §10.3 steps 1, 5: a registrar for other domains is somewhere else.
    if (!own.isOwn(host, port) || toAor === undefined) return context.reply(404);
    // RFC 3261 §10.2: a From other than To registers in somebody else's name, which we allow nobody.
    if (fromAor !== toAor) return context.reply(403, 'Third-Party Registration Not Allowed');
    if (authenticator !== undefined && (await authenticator.check(context, toAor)) !== 'ok') return;
    // RFC 7904 §3.4: no peer would store it, and he would wait for calls in vain.
    if (!overlay.admits(toAor)) return context.reply(403, 'Domain Not Admitted By The Overlay');
    const { status, reason, headers } = await registrar.process(request, flow, toAor);
    const stored = status === 200 ? this.#deps.publisher.whenStored(toAor) : undefined;
    if (stored !== undefined) await this.#awaitStore(stored);
    const isRouted = status === 200 && this.#options.serviceRoute;
    context.reply(status, reason, { headers: isRouted ? [...headers, this.#serviceRoute(flow)] : headers });
  }

  /** RFC 3608 §5: this peer, by the address and transport that the phone reached it by. */
  #serviceRoute(flow: Flow): readonly [string, string] {
    const address = formatAddress(this.#deps.own.advertisedFor(flow));
    return ['Service-Route', `<sip:${address};transport=${transportParam(flow.transport)};lr>`];
  }

  async #awaitStore(stored: Promise<void>): Promise<void> {
    const late = () => new CodedError('store-late', 'the Store takes longer');
    await withTimeout(this.#deps.clock, this.#options.storeWaitMs, stored, late).catch(() =>
      this.#late.inc(),
    );
  }

  #onChange({ aor, kind, bindings }: BindingChange): void {
    const { publisher } = this.#deps;
    // The features are those known: nothing but times changed.
    const known = kind === 'refreshed' ? publisher.presence(aor)?.contactPrefs : undefined;
    publisher.update(aor, presenceOf(bindings, known));
  }
}

function presenceOf(bindings: readonly Binding[], knownPrefs?: string): Presence | undefined {
  if (bindings.length === 0) return undefined;
  let expiresAt = 0;
  for (const binding of bindings) expiresAt = Math.max(expiresAt, binding.expiresAt);
  return { expiresAt, contactPrefs: knownPrefs ?? contactPrefsOf(bindings.map(featuresOf)) };
}

/** The Contact parameters of a binding, values without their quotes. */
function featuresOf({ params }: Binding): ContactParams {
  const features = new Map<string, string | true>();
  for (const [name, value] of parseParams(params, 0))
    features.set(name, value === true ? true : unquote(value));
  return features;
}
