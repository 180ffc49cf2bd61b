import { fromUtf8, utf8 } from '../base/index.ts';
import type { NodeId, RegistrationEntry, RegistrationValue } from './overlay.ts';

/** What the registrar knows of a user that the overlay has to know too. */
export interface Presence {
  /** Wall-clock ms at which the last of the local bindings ends. */
  readonly expiresAt: number;
  /** RFC 3840 predicate of the union of the phones' features; part of the published value. */
  readonly contactPrefs: string;
}

/** What is, or should be, in the overlay for one AoR. */
export interface Publication {
  /** Undefined: the user has gone and the record is to be withdrawn. */
  wanted: Presence | undefined;
  /** Storage time of the last value sent, kept on disk: it never goes back. */
  storageTime: number;
  /** Wall-clock ms until which the stored value lives; 0 when nothing is stored. */
  storedUntil: number;
  storedPrefs: string | undefined;
  /** Wall-clock ms of the next Store: half the record's life, or a retry; of a withdrawn record, when to forget it. */
  storeAt: number;
  failures: number;
  /** The Store under way; never rejects. */
  running: Promise<void> | undefined;
  /** Set when something changed while a Store was under way. */
  again: boolean;
}

export function newPublication(): Publication {
  return {
    wanted: undefined,
    storageTime: 0,
    storedUntil: 0,
    storedPrefs: undefined,
    storeAt: 0,
    failures: 0,
    running: undefined,
    again: false,
  };
}

/** Whether the overlay holds what is wanted, as far as we know. */
export function isSettled({ wanted, storedUntil, storedPrefs }: Publication, now: number): boolean {
  if (wanted === undefined) return storedUntil <= now;
  return storedUntil > now && storedPrefs === wanted.contactPrefs;
}

/** Hand-overs between peers may cost a record a second of its life each. */
const LIFETIME_SLACK_MS = 60_000;

/**
 * Whether the overlay holds what we stored last, or nothing that we withdrew.
 * @param own our entry as it was fetched, if there is one
 */
export function isInOrder(
  { wanted, storageTime, storedUntil }: Publication,
  own: RegistrationEntry | undefined,
  now: number,
): boolean {
  const exists = own !== undefined && own.registration.type !== 'removed';
  if (wanted === undefined) return !exists;
  if (!exists || own.storageTime < storageTime) return false;
  return endOf(own, now) >= storedUntil - LIFETIME_SLACK_MS;
}

/** Wall-clock ms until which the overlay keeps the entry. */
export function endOf(entry: RegistrationEntry | undefined, now: number): number {
  return now + (entry?.lifetimeS ?? 0) * 1000;
}

/** The value to store for a user served by the peer `self`. */
export function valueFor(wanted: Presence | undefined, self: NodeId): RegistrationValue {
  if (wanted === undefined) return { type: 'removed' };
  return { type: 'route', contactPrefs: wanted.contactPrefs, destinationList: [self] };
}

/** The part of a publication that outlives a restart. */
export function encodePublication(storageTime: number, storedUntil: number): Uint8Array {
  return utf8(`${storageTime} ${storedUntil}`);
}

/** A publication of an earlier run, wanted by nobody yet. */
export function decodePublication(bytes: Uint8Array): Publication {
  const [storageTime = 0, storedUntil = 0] = fromUtf8(bytes).split(' ').map(Number);
  return { ...newPublication(), storageTime, storedUntil };
}
