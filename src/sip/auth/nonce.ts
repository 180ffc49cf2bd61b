import type { KeyedHash } from './keyed-hash.ts';

/** What a nonce says; a keyed hash over it follows, so that nobody else can make one. */
export interface NonceFields {
  /** ms since the Unix epoch, by the clock of whoever gave the key. */
  readonly time: number;
  /** Of the run that made it: 8 hex digits. */
  readonly boot: string;
  /** Counts the nonces of one run. */
  readonly serial: number;
  /** The adapter peer to which an enrollment server gave the key; undefined: the key is this server's own. */
  readonly issuer: string | undefined;
}

/** A nonce as it was read, its tag not checked yet. */
export interface ReadNonce extends NonceFields {
  /** What the tag was made over. */
  readonly text: string;
  readonly tag: string;
}

/** Ours have 82 characters at the most. */
const MAX_NONCE_LENGTH = 128;
const NONCE = /^(([0-9a-z]{1,9})\.([0-9a-f]{8})\.([0-9a-z]{1,10})(?:\.([0-9a-f]{32,40}))?)\.([\w-]{22})$/;

/** `time.boot.serial[.issuer].tag`: all in characters that no phone gets wrong. */
export function formatNonce({ time, boot, serial, issuer }: NonceFields, hash: KeyedHash): string {
  const text = `${time.toString(36)}.${boot}.${serial.toString(36)}${issuer === undefined ? '' : `.${issuer}`}`;
  return `${text}.${hash.tag(text)}`;
}

/** @returns undefined when it is no nonce of ours */
export function readNonce(nonce: string): ReadNonce | undefined {
  const match = nonce.length > MAX_NONCE_LENGTH ? null : NONCE.exec(nonce);
  if (match === null) return undefined;
  const [, text, time, boot, serial, issuer, tag] = match;
  return {
    time: Number.parseInt(time!, 36),
    boot: boot!,
    serial: Number.parseInt(serial!, 36),
    issuer,
    text: text!,
    tag: tag!,
  };
}
