import type { Clock } from '../../base/index.ts';
import type { DataRequest } from '../messages/data-specifier.ts';
import type { FetchAns, FetchReq } from '../messages/fetch.ts';
import type { FindAns, FindReq } from '../messages/find.ts';
import { NO_SIGNATURE } from '../messages/signature.ts';
import type { StatAns, StatReq } from '../messages/stat.ts';
import type { StoredData, StoredDataValue } from '../messages/stored-data.ts';
import { ID_LENGTH, type KindId, type ResourceId } from '../wire/ids.ts';
import type { DataModel, KindTable } from '../wire/kind-table.ts';
import { metaDataOf } from './meta-data.ts';
import type { RecordTable } from './record-table.ts';
import { requireKinds, requireOnce, requireResourceId } from './request-check.ts';
import { type Selected, select } from './selection.ts';
import { unpackElement } from './stored-element.ts';

/** An answer and the certificates that its SecurityBlock must carry (RFC 6940 §6.3.4), DER, each once. */
export interface FetchOutcome {
  readonly answer: FetchAns;
  readonly certificates: readonly Uint8Array[];
}

const NO_RESOURCE: ResourceId = '00'.repeat(ID_LENGTH);

/** The reading side of `ResourceStore`: Fetch, Stat and Find. */
export class ResourceReader {
  readonly #clock: Clock;
  readonly #table: RecordTable;
  readonly #kinds: () => KindTable;

  constructor(
    { clock, table }: { clock: Clock; table: RecordTable },
    { kinds }: { readonly kinds: () => KindTable },
  ) {
    this.#clock = clock;
    this.#table = table;
    this.#kinds = kinds;
  }

  /** @throws StorageError 'unknown-kind' | 'invalid-request' */
  fetch(request: FetchReq): FetchOutcome {
    const certificates = new Map<string, Uint8Array>();
    const kindResponses = this.#answer(request, (data, signer) => {
      const certificate =
        signer === undefined || certificates.has(signer) ? undefined : this.#table.certificate(signer);
      if (signer !== undefined && certificate !== undefined) certificates.set(signer, certificate);
      return data;
    });
    return { answer: { kindResponses }, certificates: [...certificates.values()] };
  }

  /** @throws StorageError 'unknown-kind' | 'invalid-request' */
  stat(request: StatReq): StatAns {
    return { kindResponses: this.#answer(request, metaDataOf) };
  }

  /** @throws StorageError 'invalid-request' */
  find({ resource, kinds }: FindReq): FindAns {
    requireResourceId(resource);
    requireOnce(kinds);
    const closest = this.#closest(resource, new Set(kinds));
    // §7.4.4.2: "It is 0 if no Resource-ID is known", and for an unknown Kind.
    return { results: kinds.map((kind) => ({ kind, closest: closest.get(kind) ?? NO_RESOURCE })) };
  }

  /** RFC 6940 §7.4.2.2: one response for each Kind, empty where the asker's generation is the current one. */
  #answer<T>(
    { resource, specifiers }: DataRequest,
    toValue: (data: StoredData, signer: string | undefined) => T,
  ): { kind: KindId; generation: number; values: readonly T[] }[] {
    requireResourceId(resource);
    const kinds = requireKinds(
      this.#kinds(),
      specifiers.map(({ kind }) => kind),
    );
    const now = this.#clock.now();
    return specifiers.map((specifier, i) => {
      const kind = kinds[i]!;
      const { generation, elements } = this.#table.record(resource, kind.id);
      const selected = select(kind, elements, specifier);
      const known = generation !== 0 && specifier.generation === generation;
      const values = known ? [] : selected.map((found) => toValue(...unpack(found, kind.dataModel, now)));
      return { kind: kind.id, generation, values };
    });
  }

  /**
   * For each Kind the first one upwards around the ring, since "R_n+1=nearest(1 + R_n)" is to walk the overlay
   * (§7.4.4). Few Kinds and many resources: the index is gone through once.
   */
  #closest(from: ResourceId, kinds: ReadonlySet<KindId>): ReadonlyMap<KindId, ResourceId> {
    const closest = new Map<KindId, ResourceId>();
    for (const resource of this.#table.index.resources()) {
      for (const { kind } of this.#table.index.at(resource)) {
        const best = closest.get(kind);
        if (!kinds.has(kind) || (best !== undefined && !isNearer(from, resource, best))) continue;
        if (this.#table.record(resource, kind).elements.some(({ exists }) => exists))
          closest.set(kind, resource);
      }
    }
    return closest;
  }
}

/** Whether `a` comes before `b` when one goes up the ring from `from`. */
function isNearer(from: ResourceId, a: ResourceId, b: ResourceId): boolean {
  return a >= from === b >= from ? a < b : a >= from;
}

function unpack(
  { element, absent }: Selected,
  model: DataModel,
  now: number,
): [data: StoredData, signer: string | undefined] {
  return element === undefined
    ? [synthetic(absent), undefined]
    : [unpackElement(element, model, now), element.signer];
}

/** §7.4.2.2: "a synthetic value with 'exists' set to False [that] has an empty signature". */
function synthetic(value: StoredDataValue): StoredData {
  return { storageTime: 0, lifetime: 0, value, signature: NO_SIGNATURE };
}
