import {
  type Address,
  type Clock,
  CodedError,
  type Counter,
  errorMessage,
  type Logger,
  type Metrics,
} from '../base/index.ts';
import type { Authenticator } from '../sip/auth/authenticator.ts';
import { escapeUser } from '../sip/message/aor.ts';
import type { SipRequest } from '../sip/message/request.ts';
import { ASSERTED_IDENTITY } from '../sip/proxy/asserted-identity.ts';
import { type BindingTarget, targetsOf } from '../sip/proxy/binding-targets.ts';
import { forbidsForking, preferredTargets } from '../sip/proxy/caller-preferences.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import type { GruuDirectory, GruuPlace, ProxyOptions, RequestContext, Target } from '../sip/proxy/ports.ts';
import { unmetPrivacy } from '../sip/proxy/privacy.ts';
import { mayReach, sipsNotAllowed } from '../sip/proxy/sips.ts';
import type { Binding } from '../sip/registrar/binding.ts';
import type { BindingStore } from '../sip/registrar/binding-store.ts';
import { type Caller, CallerCheck } from './caller-check.ts';
import { checkAssertedIdentity } from './caller-identity.ts';
import type { Location, LocationService } from './location-service.ts';
import { answerOwnEvent, isAboutSender } from './own-events.ts';
import type { PeerConnections, PeerFlow } from './peer-connections.ts';
import type { Redirector } from './redirector.ts';
import type { RegistrationEvents } from './registration-events.ts';
import type { Trunks } from './trunks.ts';

interface Deps {
  readonly bindings: BindingStore;
  readonly locations: LocationService;
  readonly connections: Pick<PeerConnections<PeerFlow>, 'learnRoute'>;
  readonly redirector: Redirector;
  readonly gruus: GruuDirectory;
  readonly own: OwnAddresses;
  readonly events: RegistrationEvents;
  readonly trunks: Trunks;
  /** Undefined where nobody is asked for a password (`auth: none`). */
  readonly authenticator: Authenticator | undefined;
  /** Whether an account of that AoR exists here. */
  readonly hasAccount: (aor: string) => boolean;
  /** Told of who asked for a user that nobody knows without saying who he is. */
  readonly onStranger?: (remote: Address, proved: boolean) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface CallHandlerOptions {
  readonly mode: 'proxy' | 'redirect';
}

/** Routes requests outside dialogs: who may ask, where the user is, by proxy or by redirect. */
export class CallHandler {
  readonly #deps: Deps;
  readonly #options: CallHandlerOptions;
  readonly #callers: CallerCheck;
  readonly #unreachable: Counter;

  constructor(deps: Deps, options: CallHandlerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#callers = new CallerCheck(deps);
    const help = 'Requests answered 504: no binding here and no answer from the overlay';
    this.#unreachable = deps.metrics.counter('p2psip_overlay_unreachable_total', help);
  }

  async handle(context: RequestContext): Promise<void> {
    if (context.overlayPeer !== undefined) return this.#fromOverlay(context, context.overlayPeer);
    if (this.#deps.events.refresh(context)) return;
    const caller = await this.#callers.identify(context);
    if (caller === 'refused') return;
    const unmet = context.hasRoute ? [] : unmetPrivacy(context.request);
    // RFC 3323 §5: nobody is left to give it.
    if (unmet.length > 0) return context.reply(500, `Privacy Not Available: ${unmet.join(', ')}`);
    const aor = context.requestAor;
    const gruu = context.hasRoute ? undefined : this.#deps.gruus.place(context.request.uri);
    if (gruu !== undefined) return this.#toGruu(context, gruu, caller);
    if (aor !== undefined && !context.hasRoute && isAboutSender(context)) {
      const { events } = this.#deps;
      return answerOwnEvent(context, aor, { events, isProved: caller === 'authenticated' });
    }
    if (aor === undefined || context.hasRoute) return this.#outward(context, caller);
    // Without a token of ours only our own users reach others within a dialog.
    if (context.isStrayInDialog && caller !== 'authenticated') return this.#callers.deny(context, caller);
    await this.#toUser(context, aor, caller);
  }

  /** A request from another peer is for a phone here and never looked up again (architecture, calls). */
  async #fromOverlay(context: RequestContext, peer: string): Promise<void> {
    const { request, requestAor } = context;
    if (request.method === 'PUBLISH') return context.reply(403);
    if (requestAor === undefined || context.hasRoute) return context.reply(403);
    const gruu = this.#deps.gruus.place(request.uri);
    // A GRUU is the way to one phone here, also for requests of a dialog that did not begin here.
    if (context.isStrayInDialog && gruu === undefined) return context.reply(403);
    await checkAssertedIdentity(request, peer, this.#deps);
    if (gruu !== undefined) return this.#toGruuHere(context, gruu);
    const bindings = this.#deps.bindings.bindings(requestAor);
    const outside = bindings.length > 0 ? undefined : this.#outsideOf(requestAor, 'of-a-peer');
    // Only for a caller whom his peer vouches for.
    if (outside !== undefined && !request.has(ASSERTED_IDENTITY))
      return context.reply(403, 'Caller Not Known');
    await this.#forward(context, outside ?? preferredTargets(request, targetsOf(bindings)));
  }

  /** To other domains, and to Contacts a phone learned from a 302 of ours: for our own users only. */
  async #outward(context: RequestContext, caller: Caller): Promise<void> {
    const { request, requestAor } = context;
    const isOurs = this.#deps.own.isOwn(request.uri.host, request.uri.port);
    if (caller !== 'authenticated') return this.#callers.deny(context, caller);
    // Ours, but without a user to look up.
    if (isOurs && requestAor === undefined && !context.hasRoute) {
      // RFC 3261 §12.2.2: of no dialog with this server.
      return context.reply(context.isStrayInDialog ? 481 : 404);
    }
    await this.#forward(context, [this.#outwardTarget(context)]);
  }

  /**
   * A phone with an outbound proxy sends the INVITE that follows our 302 back through us. To another adapter peer it
   * takes the overlay: there the caller need not prove himself a second time, with a nonce of that peer.
   */
  #outwardTarget({ request, hasRoute }: RequestContext): Target {
    const { uri } = request;
    const peer = hasRoute ? undefined : this.#deps.redirector.peerAt(uri);
    if (peer === undefined || uri.user === undefined) return { kind: 'uri', uri: request.requestUri };
    return { kind: 'peer', peer, uri: `${uri.scheme}:${uri.user}@${this.#deps.own.firstDomain}` };
  }

  async #toUser(context: RequestContext, aor: string, caller: Caller): Promise<void> {
    const { request } = context;
    const here = preferredTargets(request, targetsOf(this.#deps.bindings.bindings(aor)));
    const isOnlyOne = forbidsForking(request);
    const isEnough = here.length > 0 && isOnlyOne;
    const lookup = isEnough ? Promise.resolve(NOWHERE) : this.#deps.locations.locate(aor, request.callId);
    if (this.#options.mode === 'redirect')
      return this.#redirect(context, aor, { bindings: here.map(rankedBinding), lookup, caller });
    if (here.length > 0) {
      // Phones here ring at once; other peers join in when the overlay has answered.
      const later = lookup.then(
        (location) => this.#remoteTargets(request, aor, location),
        () => [],
      );
      this.#learn(aor, await this.#forward(context, here, { later }));
      return;
    }
    // By our own users only (RFC 3261 §26.3.2.1: no open relay).
    const outside = this.#outsideOf(aor, 'ours');
    if (outside !== undefined && caller === 'anonymous') return this.#callers.deny(context, caller);
    const trunk = caller === 'authenticated' ? outside : undefined;
    // The telephone network must stay within reach when the overlay is not.
    const located = trunk === undefined ? this.#located(context, aor, lookup) : lookup.catch(() => NOWHERE);
    const location = await located;
    if (location === undefined) return;
    const emptyStatus = this.#emptyStatus(context, aor, location, caller);
    const remote = this.#remoteTargets(request, aor, location);
    if (remote.length === 0 && trunk !== undefined) {
      await this.#forward(context, trunk);
      return;
    }
    this.#learn(aor, await this.#forward(context, isOnlyOne ? remote.slice(0, 1) : remote, { emptyStatus }));
  }

  /**
   * RFC 5627 §6.1: to one phone, wherever in the overlay it is registered. Never redirected, nor forwarded to whom the
   * user's calls go.
   */
  async #toGruu(context: RequestContext, gruu: GruuPlace, caller: Caller): Promise<void> {
    if (context.isStrayInDialog && caller !== 'authenticated') return this.#callers.deny(context, caller);
    if (gruu.kind !== 'elsewhere') return this.#toGruuHere(context, gruu, caller);
    const { aor } = gruu;
    const lookup = this.#deps.locations.locate(aor, context.request.callId);
    const location = await this.#located(context, aor, lookup);
    if (location === undefined) return;
    const emptyStatus = this.#emptyStatus(context, aor, location, caller);
    const peers = this.#peerTargets(location, context.request.requestUri);
    this.#learn(aor, await this.#forward(context, peers, { emptyStatus }));
  }

  /** Where nobody else is asked. §6.1: 404 for a GRUU that is none, 480 for one without a phone. */
  async #toGruuHere(context: RequestContext, gruu: GruuPlace, caller?: Caller): Promise<void> {
    const { request, flow, overlayPeer } = context;
    if (gruu.kind === 'unknown') {
      if (caller !== 'authenticated') this.#deps.onStranger?.(flow.remote, flow.reliable);
      return context.reply(404);
    }
    const targets = gruu.kind === 'targets' ? gruu.targets : [];
    const bindings = targets.filter((target) => target.kind === 'binding');
    // Other peers know as well as we do where a GRUU of another peer leads.
    const others = overlayPeer === undefined ? targets.filter((target) => target.kind !== 'binding') : [];
    await this.#forward(context, [...preferredTargets(request, bindings), ...others]);
  }

  /** To all targets that the scheme of the request allows (RFC 5630 §5.3). */
  async #forward(
    context: RequestContext,
    targets: readonly Target[],
    options: ProxyOptions = {},
  ): Promise<number | undefined> {
    const allowed = targets.filter((target) => mayReach(context.request, uriOf(target)));
    const isRefused = allowed.length === 0 && targets.length > 0 && options.later === undefined;
    const { logger } = this.#deps;
    if (logger.debugEnabled) {
      const { callId: call, method } = context.request;
      const to = allowed.map((target) => (target.kind === 'peer' ? `peer ${target.peer}` : uriOf(target)));
      logger.debug('a request goes to', { call, method, to, isMoreLookedUp: options.later !== undefined });
    }
    if (!isRefused) return context.proxy(allowed, options);
    context.reply(480, undefined, { headers: [sipsNotAllowed(this.#deps.own.firstDomain)] });
    return 480;
  }

  async #redirect(
    context: RequestContext,
    aor: string,
    found: {
      readonly bindings: readonly Binding[];
      readonly lookup: Promise<Location>;
      readonly caller: Caller;
    },
  ): Promise<void> {
    const { bindings, lookup, caller } = found;
    const location =
      bindings.length > 0 ? await lookup.catch(() => NOWHERE) : await this.#located(context, aor, lookup);
    if (location === undefined) return;
    const emptyStatus = bindings.length > 0 ? 480 : this.#emptyStatus(context, aor, location, caller);
    try {
      await this.#deps.redirector.answer(context, aor, { bindings, location, emptyStatus });
    } catch (error) {
      this.#answerUnreachable(context, aor, error);
    }
  }

  /** The location; undefined when the overlay gave none and the request has been answered. */
  async #located(
    context: RequestContext,
    aor: string,
    lookup: Promise<Location>,
  ): Promise<Location | undefined> {
    try {
      return await lookup;
    } catch (error) {
      this.#answerUnreachable(context, aor, error);
      return undefined;
    }
  }

  #answerUnreachable(context: RequestContext, aor: string, error: unknown): void {
    if (!(error instanceof CodedError)) throw error;
    this.#unreachable.inc();
    const { callId: call } = context.request;
    this.#deps.logger.warn('the overlay does not answer', { call, aor, reason: errorMessage(error) });
    // Not 503: the phone would leave this server for its local calls too.
    context.reply(504);
  }

  #remoteTargets(request: SipRequest, aor: string, location: Location): Target[] {
    if (location.routes.length + location.externalUris.length === 0) return [];
    const uri = `${request.uri.scheme}:${escapeUser(aor)}@${aor.slice(aor.lastIndexOf('@') + 1)}`;
    const external = location.externalUris.map((each): Target => ({ kind: 'uri', uri: each }));
    return [...this.#peerTargets(location, uri), ...external];
  }

  #peerTargets({ routes }: Location, uri: string): Target[] {
    return routes.map((route) => {
      this.#deps.connections.learnRoute(route);
      return { kind: 'peer', peer: route.at(-1)!, uri };
    });
  }

  /** The trunk for a number that is nobody's here. */
  #outsideOf(aor: string, caller: 'ours' | 'of-a-peer'): readonly Target[] | undefined {
    return this.#deps.hasAccount(aor) ? undefined : this.#deps.trunks.targetsFor(aor, caller);
  }

  /** Known, though without a phone now: 480; never heard of: 404. */
  #emptyStatus({ flow }: RequestContext, aor: string, { known }: Location, caller: Caller): number {
    const { bindings, hasAccount, onStranger } = this.#deps;
    if (known || hasAccount(aor) || bindings.bindings(aor).length > 0) return 480;
    if (caller !== 'authenticated') onStranger?.(flow.remote, flow.reliable);
    return 404;
  }

  /** A cached record that led nowhere is not believed for the next call. */
  #learn(aor: string, status: number | undefined): void {
    if (status === 404 || status === 408 || status === 480) this.#deps.locations.forget(aor);
  }
}

function uriOf(target: Target): string {
  return target.kind === 'binding' ? target.binding.contact : target.uri;
}

const NOWHERE: Location = { routes: [], externalUris: [], known: true };

/** A binding with the q its caller's preferences gave it (RFC 3841 §7.2.4). */
function rankedBinding({ binding, q }: BindingTarget): Binding {
  return q === undefined ? binding : { ...binding, q };
}
