import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../base/index.ts';

/** `$scrypt$ln=14,r=8,p=1$SALT$HASH`, base64 without padding. */
export type PasswordHash = string;

/** 16 MiB and some 40 ms a password: what an online guess costs us is bounded by `AttemptLimits`. */
const COST = { ln: 14, r: 8, p: 1 };
/** A file that was tampered with must not take all memory. */
const MAX_MEMORY_BYTES = 256 << 20;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const SHAPE = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** Passwords are compared as the bytes they are (RFC 6940 §11.3). */
export async function hashPassword(random: Random, password: Uint8Array): Promise<PasswordHash> {
  const salt = random.bytes(SALT_BYTES);
  const key = await derive(password, salt, COST);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${base64(salt)}$${base64(key)}`;
}

/** In constant time; false also for a hash that cannot be read. */
export async function verifyPassword(hash: PasswordHash, password: Uint8Array): Promise<boolean> {
  const match = SHAPE.exec(hash);
  if (match === null) return false;
  const [ln, r, p] = match.slice(1, 4).map(Number) as [number, number, number];
  if (ln > 17 || r > 16 || p > 16) return false;
  const key = await derive(password, Buffer.from(match[4]!, 'base64'), { ln, r, p });
  return timingSafeEqual(key, Buffer.from(match[5]!, 'base64'));
}

/** What a password is compared with when there is no such account: it takes as long and never fits. */
export const NOBODYS_PASSWORD: PasswordHash = `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

function derive(password: Uint8Array, salt: Uint8Array, { ln, r, p }: typeof COST): Promise<Buffer> {
  const N = 2 ** ln;
  const options: ScryptOptions = { N, r, p, maxmem: MAX_MEMORY_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
