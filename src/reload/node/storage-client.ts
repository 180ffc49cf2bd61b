import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { ReloadError } from '../forwarding/reload-error.ts';
import type { ModelSpecifier } from '../messages/data-specifier.ts';
import { toResource } from '../messages/destination.ts';
import { type FetchAns, fetch } from '../messages/fetch.ts';
import { type FindAns, find } from '../messages/find.ts';
import { type StatAns, stat } from '../messages/stat.ts';
import { type StoreAns, type StoreReq, store } from '../messages/store.ts';
import type { StoredDataValue } from '../messages/stored-data.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { NodeIdentity } from '../security/identity.ts';
import { signValue } from '../security/value-signature.ts';
import type { ResourceStore } from '../storage/resource-store.ts';
import { StorageError } from '../storage/storage-error.ts';
import { ownValues, type VerifiedKind, verifiedValues } from '../storage/verified-values.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { everything } from './data-specifiers.ts';
import type { StorageService } from './storage-service.ts';

/** One value to be stored; the Kind's data model says whether it has an index, a key (hex), or neither. */
export interface ValueToStore {
  readonly index?: number;
  readonly key?: string;
  /** False removes: `value` is then left empty. */
  readonly exists: boolean;
  readonly value: Uint8Array;
  /** Seconds. */
  readonly lifetimeS: number;
  /** ms since the Unix epoch. */
  readonly storageTime: number;
}

export interface KindToStore {
  readonly kind: KindId;
  /** The generation counter that must still be current; 0 or left out: whatever it is. */
  readonly generation?: number;
  readonly values: readonly ValueToStore[];
}

/** What is wanted of a Kind; everything when the specifier is left out. */
export interface KindToFetch {
  readonly kind: KindId;
  readonly specifier?: ModelSpecifier;
  /** The generation already known: equal to the stored one, no values come. */
  readonly generation?: number;
}

interface StorageClientDeps {
  readonly forwarding: ForwardingLayer;
  readonly topology: TopologyPlugin;
  readonly certificates: CertificateStore;
  readonly store: ResourceStore;
  /** Undefined in a client, which is responsible for nothing. */
  readonly service: StorageService | undefined;
}

/**
 * Stores and fetches for the users of this node. What it is responsible for itself costs no message. All methods throw
 * ReloadError for what the responsible peer refuses and RequestFailure when nobody answers.
 */
export class StorageClient {
  readonly #deps: StorageClientDeps;
  readonly #kinds: () => KindTable;

  constructor(deps: StorageClientDeps, options: { readonly kinds: () => KindTable }) {
    this.#deps = deps;
    this.#kinds = options.kinds;
  }

  /** RFC 6940 §7.4.1. @param signer signs the values and the request */
  async store(
    resource: ResourceId,
    kinds: readonly KindToStore[],
    { signer, signal }: { readonly signer: NodeIdentity; readonly signal?: AbortSignal | undefined },
  ): Promise<StoreAns> {
    const request: StoreReq = {
      resource,
      replicaNumber: 0,
      kindData: kinds.map(({ kind, generation = 0, values }) => ({
        kind,
        generation,
        values: values.map((value) =>
          signValue(
            signer.signer,
            { resource, kind },
            {
              storageTime: value.storageTime,
              lifetime: value.lifetimeS,
              value: placed(this.#kinds(), kind, value),
            },
          ),
        ),
      })),
    };
    const { forwarding, topology, service } = this.#deps;
    signal?.throwIfAborted();
    if (service !== undefined && topology.isResponsible(resource)) {
      const source = { signer: signer.signer, certificates: [signer.certificate.der] };
      return service.store(request, source).catch((error) => this.#refused(store.name, error));
    }
    const { body } = await forwarding.request(store, request, {
      destinationList: [toResource(resource)],
      signer: signer.signer,
      ...(signal && { signal }),
    });
    return body;
  }

  /** RFC 6940 §7.4.2; values whose signature or signer is not right are left out. */
  async fetch(
    resource: ResourceId,
    kinds: readonly KindToFetch[],
    {
      signal,
      traceId,
    }: { readonly signal?: AbortSignal | undefined; readonly traceId?: string | undefined } = {},
  ): Promise<readonly VerifiedKind[]> {
    const request = this.#dataRequest(resource, kinds);
    const { forwarding, topology, certificates } = this.#deps;
    if (topology.isResponsible(resource)) {
      await this.#deps.service?.ready(resource);
      signal?.throwIfAborted();
      const own = this.#locally<{ answer: FetchAns; certificates: readonly Uint8Array[] }>(fetch.name, () =>
        this.#deps.store.fetch(request),
      );
      return ownValues(certificates, own.answer, own.certificates);
    }
    const answer = await forwarding.request(fetch, request, {
      destinationList: [toResource(resource)],
      traceId,
      ...(signal && { signal }),
    });
    return verifiedValues({ certificates, kinds: this.#kinds() }, resource, answer.body, answer.certificates);
  }

  /** RFC 6940 §7.4.3 */
  async stat(
    resource: ResourceId,
    kinds: readonly KindToFetch[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StatAns> {
    const request = this.#dataRequest(resource, kinds);
    const { forwarding, topology } = this.#deps;
    if (topology.isResponsible(resource))
      return this.#locally(stat.name, () => this.#deps.store.stat(request));
    const destinationList = [toResource(resource)];
    return (await forwarding.request(stat, request, { destinationList, ...(signal && { signal }) })).body;
  }

  /** RFC 6940 §7.4.4 */
  async find(
    resource: ResourceId,
    kinds: readonly KindId[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<FindAns> {
    const request = { resource, kinds };
    const { forwarding, topology } = this.#deps;
    if (topology.isResponsible(resource))
      return this.#locally(find.name, () => this.#deps.store.find(request));
    const destinationList = [toResource(resource)];
    return (await forwarding.request(find, request, { destinationList, ...(signal && { signal }) })).body;
  }

  #dataRequest(resource: ResourceId, kinds: readonly KindToFetch[]) {
    const specifiers = kinds.map(({ kind, generation = 0, specifier = everything(this.#kinds(), kind) }) => ({
      kind,
      generation,
      ...specifier,
    }));
    return { resource, specifiers };
  }

  #locally<T>(name: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      return this.#refused(name, error);
    }
  }

  /** Our own refusal looks like everybody else's. */
  #refused(name: string, error: unknown): never {
    if (!(error instanceof StorageError)) throw error;
    throw new ReloadError(name, error.toErrorResponse(), this.#deps.topology.self);
  }
}

function placed(
  kinds: KindTable,
  kind: KindId,
  { index, key, exists, value }: ValueToStore,
): StoredDataValue {
  switch (kinds.get(kind)?.dataModel) {
    case 'ARRAY':
      return { model: 'ARRAY', index: index ?? 0, exists, value };
    case 'DICTIONARY':
      return { model: 'DICTIONARY', key: key ?? '', exists, value };
    default:
      return { model: 'SINGLE', exists, value };
  }
}
