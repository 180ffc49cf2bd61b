import {
  type KeyValueStore,
  MemoryKeyValueStore,
  noMetrics,
  silentLogger,
  utf8,
} from '../../../../src/base/index.ts';
import { builtInKinds, Kind } from '../../../../src/reload/document/kinds.ts';
import type { StoreReq } from '../../../../src/reload/messages/store.ts';
import type { StoredData, StoredDataValue } from '../../../../src/reload/messages/stored-data.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { signValue, type ValuePlace } from '../../../../src/reload/security/value-signature.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { ResourceStore, type StoreContext } from '../../../../src/reload/storage/resource-store.ts';
import type { KindDefinition, KindTable } from '../../../../src/reload/wire/kind-table.ts';
import { testOverlay } from '../security/support.ts';

export const AOR = 'alice@example.org';
export const PRIVATE_SINGLE = 0xf0000001;
export const PRIVATE_ARRAY = 0xf0000002;
export const PRIVATE_DICTIONARY = 0xf0000003;

const privateKinds: readonly KindDefinition[] = (
  [
    [PRIVATE_SINGLE, 'SINGLE'],
    [PRIVATE_ARRAY, 'ARRAY'],
    [PRIVATE_DICTIONARY, 'DICTIONARY'],
  ] as const
).map(([id, dataModel]) => ({
  id,
  name: `TEST-${dataModel}`,
  dataModel,
  accessControl: 'USER-MATCH',
  maxCount: 4,
  maxSize: 100,
}));

export const kinds = new Map([...builtInKinds, ...privateKinds.map((kind) => [kind.id, kind] as const)]);

/** A peer's store, the registration identity of alice at one adapter peer, and short forms of requests. */
export function testStore(
  options: { maxBytes?: number; maxBytesPerKind?: number; kinds?: () => KindTable } = {},
  kv: KeyValueStore = new MemoryKeyValueStore(),
) {
  const overlay = testOverlay({ capacity: 1024 });
  const { clock } = overlay;
  const open = () =>
    new ResourceStore(
      { clock, kv, certificates: overlay.store, logger: silentLogger, metrics: noMetrics },
      { kinds: () => kinds, ...options },
    );
  const store = open();
  const peer = overlay.identity();
  const alice = peer.registration(AOR);
  const resource = userResource(AOR);
  return { ...overlay, certificates: overlay.store, kv, store, open, peer, alice, resource };
}

export function single(text: string, exists = true): StoredDataValue {
  return { model: 'SINGLE', exists, value: utf8(text) };
}

export function element(index: number, text: string, exists = true): StoredDataValue {
  return { model: 'ARRAY', index, exists, value: utf8(text) };
}

export function entry(key: string, text: string, exists = true): StoredDataValue {
  return { model: 'DICTIONARY', key, exists, value: utf8(text) };
}

export function signed(
  identity: Identity,
  place: ValuePlace,
  value: StoredDataValue,
  times: { storageTime?: number; lifetime?: number } = {},
): StoredData {
  const { storageTime = 1000, lifetime = 3600 } = times;
  return signValue(identity.signer, place, { storageTime, lifetime, value });
}

export function storeReq(
  resource: string,
  kind: number,
  values: readonly StoredData[],
  options: { generation?: number; replicaNumber?: number } = {},
): StoreReq {
  const { generation = 0, replicaNumber = 0 } = options;
  return { resource, replicaNumber, kindData: [{ kind, generation, values }] };
}

export function from(identity: Identity, transactionId?: bigint): StoreContext {
  const context = { signer: identity.signer, certificates: [identity.certificate.der] };
  return transactionId === undefined ? context : { ...context, transactionId };
}

/** A Store of one value under alice's name. */
export function storeOne(
  target: ReturnType<typeof testStore>,
  value: StoredDataValue,
  times: { storageTime?: number; lifetime?: number } = {},
) {
  const { alice, resource, store } = target;
  const kind = { SINGLE: PRIVATE_SINGLE, ARRAY: PRIVATE_ARRAY, DICTIONARY: PRIVATE_DICTIONARY }[value.model];
  const data = signed(alice, { resource, kind }, value, times);
  return store.store(storeReq(resource, kind, [data]), from(alice));
}

/** The registration of alice at her adapter peer. */
export function registration(
  target: ReturnType<typeof testStore>,
  text = 'route',
  storageTime = 1000,
): StoreReq {
  const { alice, resource } = target;
  const kind = Kind.SIP_REGISTRATION;
  return storeReq(resource, kind, [
    signed(alice, { resource, kind }, entry(alice.nodeId, text), { storageTime }),
  ]);
}
