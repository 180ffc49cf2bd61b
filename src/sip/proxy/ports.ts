import type { HeaderFields } from '../message/build.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { SipUri } from '../message/uri.ts';
import type { Binding } from '../registrar/binding.ts';
import type { ResolvedTarget } from '../resolve/resolve-target.ts';
import type { TargetFailure } from '../resolve/target-finder.ts';
import type { Flow } from '../transport/flow.ts';

/** Where a request may be forwarded to. Targets of a higher q (0 to 1, default 1) are tried before lower ones. */
export type Target =
  /** A phone registered here; `alternatives` are its other flows, for when this one has failed (RFC 5626 §7). */
  | {
      readonly kind: 'binding';
      readonly binding: Binding;
      readonly alternatives?: readonly Binding[];
      readonly q?: number;
    }
  /** Any SIP URI, resolved by RFC 3263; `isTrusted`: it is of our trust domain (RFC 3325 §2.3). */
  | {
      readonly kind: 'uri';
      readonly uri: string;
      readonly q?: number;
      readonly routes?: readonly string[];
      readonly isTrusted?: boolean;
    }
  /** Another adapter peer, by its Node-ID in hex, and the Request-URI it is to get. */
  | { readonly kind: 'peer'; readonly peer: string; readonly uri: string; readonly q?: number };

export interface ReplyOptions {
  /** Of a dialog that the answer sets up; else one is made up. */
  readonly toTag?: string;
  readonly headers?: HeaderFields;
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

export interface ProxyOptions {
  /** Targets still being looked up: they are tried beside the first ones as soon as they are known. */
  readonly later?: Promise<readonly Target[]>;
  /** The answer when there turns out to be no target at all. Default 480. */
  readonly emptyStatus?: number;
}

/** A request that a handler decides about, and the ways to do so: exactly one of reply, redirect, proxy is used. */
export interface RequestContext {
  /**
   * Our own Routes are popped, and an own address in the Request-URI is replaced by the first domain. The handler may
   * change headers before it proxies.
   */
  readonly request: SipRequest;
  readonly flow: Flow;
  /** Node-ID in hex of the peer on whose SIP connection the request came. */
  readonly overlayPeer: string | undefined;
  /** Canonical AoRs; undefined when the host part is none of ours or the user part is missing or unusable. */
  readonly requestAor: string | undefined;
  readonly fromAor: string | undefined;
  readonly toAor: string | undefined;
  /**
   * True when the sender named next hops of others (Route): the Request-URI is then not to be looked up, a target of
   * kind `uri` with the Request-URI follows the Routes.
   */
  readonly hasRoute: boolean;
  /** True for a request within a dialog that carries no valid token of ours: relay it for authenticated senders only. */
  readonly isStrayInDialog: boolean;
  /** Aborted when the caller cancels or the transaction ends early. */
  readonly cancelled: AbortSignal;
  reply(status: number, reason?: string, options?: ReplyOptions): void;
  /** 401 or 407, and no state is kept of a request that proves nothing (RFC 3261 §26.3.2.4). */
  challenge(status: number, headers: HeaderFields): void;
  /** 302 with these contacts (RFC 3261 §8.3). */
  redirect(contacts: readonly { readonly uri: string; readonly q?: number }[]): void;
  /** @returns the status sent upstream; undefined when none may be sent (RFC 4320) */
  proxy(targets: readonly Target[], options?: ProxyOptions): Promise<number | undefined>;
}

/**
 * Decides about every request outside dialogs, at the latest when its promise resolves. What it throws is logged and
 * answered 500.
 */
export interface RequestHandler {
  onRequest(context: RequestContext): void | Promise<void>;
}

/**
 * What a GRUU of our domains stands for (RFC 5627 §6.1).
 * - `targets`: a phone here, or the peer that has it
 * - `elsewhere`: a phone of this AoR that is not registered here
 * - `unknown`: none that holds
 */
export type GruuPlace =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  | { readonly kind: 'elsewhere'; readonly aor: string }
  | { readonly kind: 'unknown' };

/** Knows where GRUUs lead. */
export interface GruuDirectory {
  /** Undefined: the URI is no GRUU of our domains. */
  place(uri: SipUri): GruuPlace | undefined;
}

/** SIP connections to other adapter peers. */
export interface PeerConnector {
  /** The connection to a peer when it stands. */
  cached(peer: string): Flow | undefined;
  /**
   * Opens one (AppAttach), within 4 s.
   * @param traceId the Call-ID of the request it is for
   * @throws CodedError when the peer cannot be reached, or the signal's reason
   */
  connect(peer: string, signal: AbortSignal, traceId?: string): Promise<Flow>;
}

/** RFC 3263. */
export interface TargetResolver {
  /**
   * Addresses in the order to try.
   * @throws ResolveError when there are none, or name servers do not answer
   */
  resolve(uri: SipUri): Promise<readonly ResolvedTarget[]>;
  /** One of them failed, for as long as it says itself (503 with Retry-After), ms, or as is usual. */
  failed(target: ResolvedTarget, reason: TargetFailure, retryAfterMs?: number): void;
  /** One of them is in service. */
  answered(target: ResolvedTarget): void;
}

/** Has media go where phones can reach it; left out where phones see to that themselves. */
export interface MediaBridge {
  /**
   * Rewrites the session description of a request that is about to leave.
   * @returns undefined when there is nothing to do for it
   * @throws (rejects) when the call would have no media
   */
  request(
    request: SipRequest,
    ends: { readonly from: Flow; readonly to: Flow; readonly branch: string },
  ): Promise<MediaLeg> | undefined;
  /** The same of an ACK for a 2xx. Never rejects. */
  ack(ack: SipRequest): Promise<void> | undefined;
}

/** What follows the responses to one request. */
export interface MediaLeg {
  /** Rewrites the session description in a response, also when it is sent again. Never rejects. */
  response(response: SipResponse): Promise<void>;
  /** There will be no success. */
  failed(): void;
}

/** Told of calls as they pass. */
export interface CallObserver {
  /**
   * An INVITE that begins a call has come.
   * @returns to be called once, with its final status
   */
  begin(request: SipRequest, flow: Flow): (status: number) => void;
  /** A BYE within a dialog is on its way. */
  bye(request: SipRequest): void;
}

/** The bindings database as the proxy sees it. */
export interface BindingSource {
  bindings(aor: string): readonly Binding[];
}
