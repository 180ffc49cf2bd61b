import type { KeyValueStore, Write } from '../../base/index.ts';
import { bindingsV2ToV3 } from './bindings-v2.ts';
import { recordsV1ToV2 } from './records-v1.ts';

/** One step of the store's format. */
interface Migration {
  /** The version that it leads to, from the one before. */
  readonly to: number;
  /** @returns everything that changes; written in one transaction together with the version */
  readonly migrate: (store: KeyValueStore) => Iterable<Write>;
}

/** A store of any earlier version is brought up to date when it is opened. */
export const migrations: readonly Migration[] = [
  { to: 2, migrate: recordsV1ToV2 },
  { to: 3, migrate: bindingsV2ToV3 },
];

/** The format this code reads and writes. */
export const SCHEMA_VERSION = 3;
