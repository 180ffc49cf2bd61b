import { type Clock, CodedError, type Counter, type Logger, type Metrics } from '../../base/index.ts';
import type { HeaderFields } from '../message/build.ts';
import { detach } from '../message/detach.ts';
import { parseDeltaSeconds } from '../message/message.ts';
import { type NameAddr, parseNameAddr } from '../message/name-addr.ts';
import { paramText } from '../message/params.ts';
import type { SipRequest } from '../message/request.ts';
import { parseUri, type SipUri } from '../message/uri.ts';
import { equalUri } from '../message/uri-equality.ts';
import type { Flow } from '../transport/flow.ts';
import { type Binding, formatContact } from './binding.ts';
import type { BindingStore } from './binding-store.ts';
import { formatKept, own, ownAddress, parseQ } from './binding-values.ts';
import { DateValue } from './date-value.ts';
import { isDirect, isReachedByFlow } from './flow-choice.ts';
import { type GruuIssuer, inSeriesOf } from './gruu-issuer.ts';

export interface RegistrarOptions {
  /** Seconds. */
  readonly expires?: { readonly min: number; readonly default: number; readonly max: number };
  /** Bindings an AoR may have; the oldest makes room for one more. */
  readonly maxContacts?: number;
  /** Bindings of all AoRs together; what would make it more is refused, refreshes are not. */
  readonly maxBindings?: number;
}

/** What to answer a REGISTER with. */
export interface RegisterResult {
  readonly status: number;
  readonly reason?: string;
  readonly headers: HeaderFields;
}

/** Extensions that may stand in Require (RFC 3261 §10.3 step 2). */
const SUPPORTED = new Set(['path', 'outbound']);
const GRUU = 'gruu';
const NO_PATH: readonly string[] = [];
const MAX_AOR_LENGTH = 512;
const MAX_CONTACT_LENGTH = 1024;
const MAX_PATH_LENGTH = 2048;
/** Of 3 kB at most, what a machine of 1 GB has room for. */
const MAX_BINDINGS = 250_000;
/** s until a phone that found no room asks again: by then some bindings have run out. */
const FULL_RETRY_SECONDS = 60;
/** Phones send keepalives on their outbound connections within this (RFC 5626 §4.4.1 has 120 s as the default). */
const FLOW_TIMER_SECONDS = 120;
const FLOW_GRACE_SECONDS = 30;
/** Over UDP nothing is lost by waiting; WebSockets are pinged by us. */
const PINGED_BY_PHONE: ReadonlySet<string> = new Set(['TCP', 'TLS']);

/** Refuses the whole request: nothing of it is committed. */
class Refusal extends CodedError<'register-refused'> {
  readonly result: RegisterResult;

  constructor(status: number, reason?: string, headers: HeaderFields = []) {
    super('register-refused', `${status} ${reason ?? ''}`, { origin: 'remote' });
    this.result = reason === undefined ? { status, headers } : { status, reason, headers };
  }
}

/** A REGISTER and what is known of it besides its contacts. */
interface Registration {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly aor: string;
  readonly now: number;
  readonly callId: string;
  readonly cseq: number;
  readonly direct: boolean;
  readonly outbound: boolean;
  /** Whether the phone is to be given GRUUs. */
  readonly wantsGruu: boolean;
  readonly path: readonly string[];
}

/**
 * Processes REGISTER requests whose sender is known to speak for the AoR (RFC 3261 §10.3, RFC 3327, RFC 5626 §6, RFC
 * 5627 §5).
 */
export class Registrar {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #store: BindingStore;
  readonly #gruus: GruuIssuer | undefined;
  #expires: { readonly min: number; readonly default: number; readonly max: number };
  #maxContacts: number;
  readonly #maxBindings: number;
  readonly #registered: Counter;
  readonly #refused: Counter;
  readonly #date = new DateValue();

  /** @param deps.gruus undefined where phones are given none */
  constructor(
    deps: {
      clock: Clock;
      logger: Logger;
      metrics: Metrics;
      store: BindingStore;
      gruus?: GruuIssuer | undefined;
    },
    options: RegistrarOptions = {},
  ) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#store = deps.store;
    this.#gruus = deps.gruus;
    this.#expires = options.expires ?? { min: 60, default: 3600, max: 7200 };
    this.#maxContacts = options.maxContacts ?? 10;
    this.#maxBindings = options.maxBindings ?? MAX_BINDINGS;
    const counter = (result: string) =>
      deps.metrics.counter('sip_registrations_total', 'REGISTER requests by result', { result });
    this.#registered = counter('accepted');
    this.#refused = counter('refused');
  }

  /** Other rules from now on; bindings that stand keep theirs until they are refreshed. */
  configure({ expires, maxContacts }: Required<Pick<RegistrarOptions, 'expires' | 'maxContacts'>>): void {
    this.#expires = expires;
    this.#maxContacts = maxContacts;
  }

  /**
   * @param aor canonical, from To
   * @returns once the bindings are durable; 400, 420, 423, 439, 500 or 503 when the request was refused as a whole
   */
  async process(request: SipRequest, flow: Flow, aor: string): Promise<RegisterResult> {
    try {
      const registration = this.#examine(request, flow, aor);
      const bindings = this.#apply(registration);
      if (bindings !== undefined) await this.#store.replace(aor, bindings);
      this.#registered.inc();
      return this.#accepted(registration);
    } catch (error) {
      this.#refused.inc();
      if (error instanceof Refusal) return error.result;
      if (!(error instanceof CodedError)) throw error;
      if (error.code !== 'store-failed') return { status: 400, reason: 'Malformed Contact', headers: [] };
      this.#logger.error('a registration could not be stored', { aor, cause: String(error.cause) });
      return { status: 500, headers: [] };
    }
  }

  #examine(request: SipRequest, flow: Flow, aor: string): Registration {
    this.#requireSupport(request);
    if (aor.length > MAX_AOR_LENGTH) throw new Refusal(400, 'Address Of Record Too Long');
    const path = request.has('Path') ? request.headers('Path').map(detach) : NO_PATH;
    if (path.join().length > MAX_PATH_LENGTH) throw new Refusal(400, 'Path Too Long');
    const direct = isDirect(request);
    return {
      request,
      flow,
      aor,
      now: this.#clock.now(),
      callId: request.callId,
      cseq: request.cseq.number,
      direct,
      outbound: lists(request, 'outbound') && (direct || startsOutbound(path)),
      wantsGruu: this.#gruus !== undefined && lists(request, GRUU),
      path,
    };
  }

  /** RFC 3261 §10.3 step 2. */
  #requireSupport(request: SipRequest): void {
    if (!request.has('Require')) return;
    const unsupported = request.headers('Require').filter((tag) => !this.#supports(tag.toLowerCase()));
    if (unsupported.length > 0) throw new Refusal(420, undefined, [['Unsupported', unsupported.join(', ')]]);
  }

  #supports(tag: string): boolean {
    return SUPPORTED.has(tag) || (tag === GRUU && this.#gruus !== undefined);
  }

  /** The bindings after the request; undefined when it only asks for them (RFC 3261 §10.3 steps 6, 7). */
  #apply(registration: Registration): readonly Binding[] | undefined {
    const { request, aor } = registration;
    const { contacts } = request;
    if (contacts === '*') return this.#removeAll(registration);
    if (contacts.length === 0) return undefined;
    const before = this.#store.bindings(aor, registration.now);
    let bindings = before.slice();
    let added: Binding[] = [];
    for (const contact of contacts) {
      const binding = this.#bindingOf(contact, registration, before);
      const isOther = (old: Binding) => !isSameBinding(old, binding);
      for (const old of bindings) if (!isOther(old)) requireNewer(old, registration);
      bindings = inSeriesOf(binding, bindings.filter(isOther));
      added = added.filter(isOther);
      if (binding.expiresAt > registration.now) added.push(binding);
    }
    if (added.length > 1 && added.some(({ regId }) => regId !== undefined)) {
      // RFC 5626 §6: one flow, one binding.
      throw new Refusal(400, 'Several Contacts With reg-id');
    }
    bindings.push(...added);
    const kept = bindings.slice(Math.max(bindings.length - this.#maxContacts, 0));
    this.#requireRoom(kept.length - before.length);
    return kept;
  }

  /** RFC 3261 §21.5.4: a phone that knows another peer tries that one, the others come back. */
  #requireRoom(added: number): void {
    if (added <= 0 || this.#store.bindingCount + added <= this.#maxBindings) return;
    throw new Refusal(503, 'Too Many Registrations', [['Retry-After', String(FULL_RETRY_SECONDS)]]);
  }

  #removeAll(registration: Registration): readonly Binding[] {
    const { request, aor } = registration;
    if (request.expires !== 0) throw new Refusal(400, 'Expires Must Be 0 With *');
    for (const binding of this.#store.bindings(aor)) requireNewer(binding, registration);
    return [];
  }

  #bindingOf(contact: NameAddr, registration: Registration, before: readonly Binding[]): Binding {
    const { aor, request, flow, now, callId, cseq, path } = registration;
    const { uri, params } = contact;
    if (!uri.isSip) throw new Refusal(400, 'Contact Is No SIP URI');
    if (uri.scheme === 'sips') requireSips(registration);
    const text = uri.toString();
    const keptText = formatKept(params);
    if (text.length + keptText.length > MAX_CONTACT_LENGTH) throw new Refusal(400, 'Contact Too Long');
    const instance = paramText(params, '+sip.instance');
    const regId = this.#regIdOf(contact, registration);
    if (instance !== undefined && this.#gruus?.leadsBackTo(aor, uri))
      throw new Refusal(403, 'Contact Leads Back Here');
    const known = before.find((old) => old.contact === text);
    return {
      aor: before[0]?.aor ?? detach(aor),
      contact: known?.contact ?? detach(text),
      params: own(keptText, known?.params),
      q: parseQ(paramText(params, 'q')),
      instance: instance === undefined ? undefined : own(instance, known?.instance),
      regId,
      gruuSeries: this.#gruus?.seriesOf({ instance, regId, callId }, before, registration.wantsGruu),
      expiresAt: now + this.#lifetime(contact, request) * 1000,
      updatedAt: now,
      callId: own(callId, known?.callId),
      cseq,
      path,
      transport: flow.transport,
      source: ownAddress(flow.remote, known?.source),
      local: ownAddress(flow.local, known?.local),
      byFlow: isReachedByFlow(request, flow, uri, regId !== undefined),
      flow: flow.transport === 'UDP' ? undefined : flow,
    };
  }

  /** Seconds granted; 0 removes. */
  #lifetime(contact: NameAddr, request: SipRequest): number {
    const parameter = paramText(contact.params, 'expires');
    const requested = parameter === undefined ? request.expires : parseDeltaSeconds(parameter);
    const { min, max } = this.#expires;
    // RFC 3261 §20.19: a malformed value is treated as the default.
    const seconds = requested ?? this.#expires.default;
    if (seconds > 0 && seconds < min && seconds < 3600) {
      throw new Refusal(423, undefined, [['Min-Expires', String(min)]]);
    }
    return Math.min(seconds, max);
  }

  /** RFC 5626 §6: the reg-id counts with an instance, from a UA that supports outbound, over an outbound first hop. */
  #regIdOf({ params }: NameAddr, { request, direct, outbound }: Registration): number | undefined {
    const text = paramText(params, 'reg-id');
    if (text === undefined || !params.has('+sip.instance') || !/^[1-9][0-9]{0,9}$/.test(text))
      return undefined;
    if (outbound) return Number(text);
    if (lists(request, 'outbound') && !direct) throw new Refusal(439);
    return undefined;
  }

  /** RFC 3261 §10.3 step 8. */
  #accepted(registration: Registration): RegisterResult {
    const { aor, request, flow, direct, outbound, path, wantsGruu } = registration;
    const now = this.#clock.now();
    const bindings = this.#store.bindings(aor, now);
    const headers: [string, string][] = [];
    for (const binding of bindings) {
      const gruus = wantsGruu ? this.#gruus?.paramsOf(binding) : undefined;
      headers.push(['Contact', formatContact(binding, now) + (gruus ?? '')]);
    }
    for (const element of path) headers.push(['Path', element]);
    const usesOutbound =
      outbound && bindings.some(({ regId, callId }) => regId !== undefined && callId === request.callId);
    if (usesOutbound) headers.push(['Require', 'outbound']);
    if (usesOutbound && direct && PINGED_BY_PHONE.has(flow.transport)) {
      // RFC 5626 §6, §5.4: a connection that a NAT has forgotten is known as such, and another flow tried at once.
      headers.push(['Flow-Timer', String(FLOW_TIMER_SECONDS)]);
      flow.expectTraffic?.((FLOW_TIMER_SECONDS + FLOW_GRACE_SECONDS) * 1000);
    }
    headers.push(['Date', this.#date.at(now)]);
    return { status: 200, headers };
  }
}

/** RFC 5630 §5.2: a secure resource is bound by what is secure all the way. */
function requireSips({ request, path }: Registration): void {
  const uris = [request.uri, ...path.map((element) => parseNameAddr(element).uri)];
  const isSecure = uris.every(({ scheme }) => scheme === 'sips');
  if (!isSecure) throw new Refusal(400, 'SIPS Contact In An Insecure Registration');
}

function lists(request: SipRequest, extension: string): boolean {
  if (!request.has('Supported')) return false;
  return request.headers('Supported').some((tag) => tag.toLowerCase() === extension);
}

/** RFC 3261 §10.3 step 7: of one Call-ID, only requests in their order count. */
function requireNewer(old: Binding, { callId, cseq }: Registration): void {
  if (old.callId === callId && cseq <= old.cseq) throw new Refusal(500, 'CSeq Out Of Order');
}

/**
 * Whether a new binding takes the place of an old one. Instances with their reg-id decide where both have them
 * (RFC 5626 §6), else the Contact URIs (RFC 3261 §10.3).
 * NOTE: Two phones behind different NATs may both be at 192.168.1.10. Contacts that are reached by their flows are the
 * same only when the flows' sources or the Call-IDs are.
 */
function isSameBinding(old: Binding, added: Binding): boolean {
  if (old.instance !== undefined && old.instance === added.instance) {
    return old.regId === added.regId || added.regId === undefined;
  }
  if (old.contact !== added.contact && !equalUri(withoutScheme(old.contact), withoutScheme(added.contact)))
    return false;
  if (!old.byFlow || !added.byFlow || old.callId === added.callId) return true;
  return old.source.host === added.source.host;
}

/** RFC 5630 §5.1.1.1: of the SIP and the SIPS version of a Contact, the later one replaces the other. */
function withoutScheme(contact: string): SipUri {
  const uri = parseUri(contact);
  return uri.scheme === 'sips' ? uri.with({ scheme: 'sip' }) : uri;
}

/** RFC 5626 §6: the UA's first hop has vouched for the flow. */
function startsOutbound(path: readonly string[]): boolean {
  return path.some((element) => /;ob(?=[;>=]|$)/i.test(element));
}
