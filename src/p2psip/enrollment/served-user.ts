import { CodedError, fromUtf8, utf8 } from '../../base/index.ts';
import type { DigestAlgorithm } from '../../sip/auth/digest.ts';

/** One HA1 of a user: phones write the username in more than one form. */
export interface KnownHa1 {
  readonly username: string;
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hex. */
  readonly ha1: string;
  /** Wall-clock ms until which it may be used. */
  readonly until: number;
}

/** What an adapter peer holds of a user who has registered through it. */
export interface ServedUser {
  readonly ha1s: readonly KnownHa1[];
  /** DER: the registration certificate. */
  readonly certificate: Uint8Array;
  /** Of the certificate, ms since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Wall-clock ms at which it came. */
  readonly issuedAt: number;
}

/** Usernames and algorithms of one user; the oldest goes. */
const MAX_HA1S = 4;

/** The HA1s with this one in its place. */
export function withHa1(ha1s: readonly KnownHa1[], added: KnownHa1): readonly KnownHa1[] {
  return [...ha1s.filter((one) => !isFor(one, added.username, added.algorithm)), added].slice(-MAX_HA1S);
}

export function withoutHa1(
  ha1s: readonly KnownHa1[],
  username: string,
  algorithm: DigestAlgorithm,
): readonly KnownHa1[] {
  return ha1s.filter((one) => !isFor(one, username, algorithm));
}

export function isFor(one: KnownHa1, username: string, algorithm: DigestAlgorithm): boolean {
  return one.username === username && one.algorithm === algorithm;
}

/** Wall-clock ms after which nothing of it is of use. */
export function endOf({ ha1s, notAfter }: ServedUser): number {
  return Math.max(notAfter, ...ha1s.map(({ until }) => until));
}

export function encodeServedUser(user: ServedUser): Uint8Array {
  return utf8(JSON.stringify({ ...user, certificate: Buffer.from(user.certificate).toString('base64') }));
}

/** @throws CodedError 'bad-record' when an earlier run did not write it */
export function decodeServedUser(bytes: Uint8Array): ServedUser {
  const { ha1s, certificate, notBefore, notAfter, issuedAt } = JSON.parse(fromUtf8(bytes));
  const isWhole =
    Array.isArray(ha1s) &&
    typeof certificate === 'string' &&
    [notBefore, notAfter, issuedAt].every((time) => typeof time === 'number');
  if (!isWhole) throw new CodedError('bad-record', 'not the record of a user');
  return {
    ha1s,
    certificate: new Uint8Array(Buffer.from(certificate, 'base64')),
    ...{ notBefore, notAfter, issuedAt },
  };
}
