import { CodedError, errorMessage } from '../../base/index.ts';
import { pageQuery } from './paging.ts';
import type { PeerAdmin } from './peer-admin.ts';

/** What a route answers; the server turns it into HTTP. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Route {
  /** Answered without a token: what a supervisor or load balancer asks. */
  readonly public?: boolean;
  /** Whether the path continues with one argument (`/lookup/AOR`). Default: it does not. */
  readonly argument?: boolean | 'optional';
  /** True for what changes something: asked by POST. */
  readonly changes?: boolean;
  /** @param argument empty when there is none */
  handle(argument: string, query: URLSearchParams): Answer | Promise<Answer>;
}

/** The admin interface of a peer but for /metrics, whose body is not JSON. */
export function peerRoutes(admin: PeerAdmin): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['status', { handle: () => ok(admin.status()) }],
    ['ring', { handle: () => ok(admin.ring()) }],
    ['registrations', { handle: (_, query) => registrations(admin, query) }],
    ['calls', { argument: 'optional', handle: (id, query) => calls(admin, id, query) }],
    ['holders', { argument: true, handle: async (aor) => ok(await admin.holders(aor)) }],
    ['bans', { handle: () => ok(admin.bans()) }],
    ['reload', { changes: true, handle: () => ok(admin.reload()) }],
    ['healthz', { public: true, handle: () => ok({ healthy: true }) }],
    ['readyz', { public: true, handle: () => readiness(admin) }],
    ['lookup', { argument: true, handle: (aor) => lookup(admin, aor) }],
    ['trace', { argument: true, handle: async (aor) => ok(await admin.trace(withoutScheme(aor))) }],
    ['ping', { argument: true, handle: async (node) => ok(await admin.ping(nodeId(node))) }],
  ]);
}

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

export function refusal(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}

/** P10: a peer that has lost its overlay says so, so that traffic can be sent elsewhere. */
function readiness(admin: PeerAdmin): Answer {
  const readiness = admin.isReady();
  return { status: readiness.ready ? 200 : 503, body: readiness };
}

/** All of them at once, unless a page is asked for. */
function registrations(admin: PeerAdmin, query: URLSearchParams): Answer {
  return ok(query.size === 0 ? admin.registrations() : admin.registrationPage(pageQuery(query)));
}

function calls(admin: PeerAdmin, id: string, query: URLSearchParams): Answer {
  if (id === '') return ok(admin.calls(pageQuery(query)));
  const call = admin.call(id);
  if (call === undefined) throw new CodedError('not-found', `call ${id.slice(0, 64)} is not kept`);
  return ok(call);
}

function withoutScheme(aor: string): string {
  return aor.replace(/^sips?:/i, '');
}

async function lookup(admin: PeerAdmin, aor: string): Promise<Answer> {
  const result = await admin.lookup(withoutScheme(aor));
  return { status: result.entries.length === 0 ? 404 : 200, body: result };
}

function nodeId(text: string): string {
  if (/^[0-9a-f]{32}$/i.test(text)) return text.toLowerCase();
  throw new CodedError('bad-node-id', `"${text.slice(0, 64)}" is not a Node-ID (32 hex digits)`);
}

/** The one place where an error of the peer becomes an HTTP status. */
export function errorAnswer(error: unknown): Answer {
  if (!(error instanceof CodedError))
    return refusal(500, 'internal', 'the peer could not answer; see its log');
  const status = STATUS[error.code] ?? (/timeout/.test(error.code) ? 504 : 502);
  return refusal(status, error.code, errorMessage(error));
}

const STATUS: Readonly<Record<string, number>> = {
  'bad-aor': 400,
  'bad-uri': 400,
  'bad-node-id': 400,
  'bad-query': 400,
  'not-found': 404,
  // RFC 9110 §15.5.21: understood, and what it asks for cannot be done.
  'bad-config': 422,
  'not-joined': 503,
};
