import { CodedError, fromUtf8, utf8 } from '../../base/index.ts';
import type { DigestAlgorithm } from '../../sip/auth/digest.ts';
import type { NodeId } from '../overlay.ts';

// What adapter peers and the enrollment server say to each other, as JSON over mutually authenticated HTTPS. A protocol
// of our own: RFC 6940 has none for certificates of users behind a peer (requirement T2).

/** POST: digest responses of users, answered with their registration certificates. */
export const REGISTRATION_PATH = '/p2psip/registration';
/** GET: the keys for this adapter peer's nonces. */
export const ADAPTER_KEY_PATH = '/p2psip/adapter-key';
/** Why an adapter peer is refused as a whole, in the body of a 403. */
export const NOT_AN_ADAPTER = 'not_an_adapter';

/** Proofs in one request, and their bytes as JSON. */
export const MAX_PROOFS = 64;
export const MAX_PROOFS_BYTES = 64 * 1024;
const MAX_AUTHORIZATION_LENGTH = 2_048;
const MAX_AOR_LENGTH = 254;
const MAX_SOURCE_LENGTH = 32;
/** Longest answer, bytes. */
export const MAX_ANSWER_BYTES = 512 * 1024;
const MAX_KEYS = 8;

/** A user's digest response to a REGISTER, as the adapter peer got it. */
export interface Proof {
  /** Canonical. */
  readonly aor: string;
  /** The Authorization value. */
  readonly authorization: string;
  /** Stands for the address it came from, which only the adapter peer knows: equal for equal ones. */
  readonly source?: string;
}

/** What the server says of a proof. */
export type ProofResult =
  | { readonly verdict: 'wrong' | 'stale' | 'removed' | 'busy' }
  | {
      readonly verdict: 'right';
      /** DER: the adapter peer's key and Node-ID, the AoR as the user name. */
      readonly certificate: Uint8Array;
      /** Of the username and algorithm of the proof, lower-case hex. */
      readonly ha1: string;
      readonly username: string;
      readonly algorithm: DigestAlgorithm;
      /** Seconds for which the HA1 may be used. */
      readonly ha1LifetimeS: number;
    };

export interface AdapterKeys {
  readonly node: NodeId;
  /** The server's clock, ms since the Unix epoch. */
  readonly now: number;
  readonly keys: readonly AdapterKey[];
}

/** The key for nonces made from `from` until `until` (ms since the Unix epoch, the server's clock). */
export interface AdapterKey {
  readonly from: number;
  readonly until: number;
  readonly key: Uint8Array;
}

/** Whether a proof is one that may be sent: no phone's is longer. */
export function isSendable({ aor, authorization }: Proof): boolean {
  return aor.length <= MAX_AOR_LENGTH && authorization.length <= MAX_AUTHORIZATION_LENGTH;
}

/** Bytes that a proof takes in a request. */
export function sizeOf(proof: Proof): number {
  return Buffer.byteLength(JSON.stringify(proof)) + 1;
}

export function encodeProofs(proofs: readonly Proof[]): Uint8Array {
  return utf8(JSON.stringify({ proofs }));
}

/** @throws CodedError 'protocol-error' */
export function decodeProofs(body: Uint8Array): readonly Proof[] {
  if (body.length > MAX_PROOFS_BYTES) malformed();
  const { proofs } = record(parse(body));
  return list(proofs, MAX_PROOFS).map((item) => {
    const { aor, authorization, source } = record(item);
    return {
      aor: text(aor, MAX_AOR_LENGTH),
      authorization: text(authorization, MAX_AUTHORIZATION_LENGTH),
      ...(source !== undefined && { source: text(source, MAX_SOURCE_LENGTH) }),
    };
  });
}

export function encodeResults(results: readonly ProofResult[]): Uint8Array {
  const written = results.map((result) =>
    result.verdict === 'right' ? { ...result, certificate: base64(result.certificate) } : result,
  );
  return utf8(JSON.stringify({ results: written }));
}

/** @throws CodedError 'protocol-error' */
export function decodeResults(body: Uint8Array): readonly ProofResult[] {
  return list(record(parse(body)).results, MAX_PROOFS).map((item): ProofResult => {
    const { verdict, certificate, ha1, username, algorithm, ha1LifetimeS } = record(item);
    if (verdict === 'wrong' || verdict === 'stale' || verdict === 'removed' || verdict === 'busy') {
      return { verdict };
    }
    if (verdict !== 'right' || (algorithm !== 'MD5' && algorithm !== 'SHA-256')) malformed();
    return {
      verdict,
      certificate: bytes(certificate),
      ha1: hex(ha1),
      username: text(username, MAX_AOR_LENGTH),
      algorithm,
      ha1LifetimeS: number(ha1LifetimeS),
    };
  });
}

export function encodeKeys({ node, now, keys }: AdapterKeys): Uint8Array {
  return utf8(JSON.stringify({ node, now, keys: keys.map((one) => ({ ...one, key: base64(one.key) })) }));
}

/** @throws CodedError 'protocol-error' */
export function decodeKeys(body: Uint8Array): AdapterKeys {
  const { node, now, keys } = record(parse(body));
  return {
    node: hex(node),
    now: number(now),
    keys: list(keys, MAX_KEYS).map((item) => {
      const { from, until, key } = record(item);
      return { from: number(from), until: number(until), key: bytes(key) };
    }),
  };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(body));
  } catch {
    return malformed();
  }
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) malformed();
  return value as Record<string, unknown>;
}

function list(value: unknown, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) malformed();
  return value;
}

function text(value: unknown, maxLength: number): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength) malformed();
  return value;
}

function hex(value: unknown): string {
  const digits = text(value, 128);
  return /^[0-9a-f]+$/.test(digits) ? digits : malformed();
}

function number(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) malformed();
  return value;
}

function bytes(value: unknown): Uint8Array {
  const encoded = text(value, 16_384);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) malformed();
  return new Uint8Array(Buffer.from(encoded, 'base64'));
}

function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}

function malformed(): never {
  throw new CodedError('protocol-error', 'not what an enrollment server and an adapter peer say', {
    origin: 'remote',
  });
}
