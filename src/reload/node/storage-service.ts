import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import type { RequestContext } from '../forwarding/inbound-request.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { fetch } from '../messages/fetch.ts';
import { find } from '../messages/find.ts';
import { stat } from '../messages/stat.ts';
import { type StoreAns, type StoreReq, store } from '../messages/store.ts';
import type { SignedBy } from '../security/signature.ts';
import type { ReplicaStore, ResourceStore } from '../storage/resource-store.ts';
import { StorageError } from '../storage/storage-error.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import type { Admission } from './admission.ts';
import type { ReadRepair } from './read-repair.ts';
import type { RecordMover } from './record-mover.ts';

/** What a Store brought along. */
interface StoreSource {
  readonly signer: SignedBy;
  readonly certificates: readonly Uint8Array[];
  readonly transactionId?: bigint;
}

/** Store, Fetch, Stat and Find requests to this peer (RFC 6940 §7.4), from others and from itself. */
export class StorageService {
  readonly #store: ResourceStore;
  readonly #topology: TopologyPlugin;
  readonly #mover: RecordMover;
  readonly #admission: Admission;
  readonly #repair: ReadRepair;

  constructor(deps: {
    forwarding: ForwardingLayer;
    store: ResourceStore;
    topology: TopologyPlugin;
    mover: RecordMover;
    admission: Admission;
    repair: ReadRepair;
  }) {
    this.#store = deps.store;
    this.#repair = deps.repair;
    this.#topology = deps.topology;
    this.#mover = deps.mover;
    this.#admission = deps.admission;
    const { forwarding } = deps;
    forwarding.handle(store, (request, context) => this.#onStore(request, context));
    forwarding.handle(fetch, async (request, context) => {
      await this.ready(request.resource);
      const { answer, certificates } = refusing(() => this.#store.fetch(request));
      context.respond(answer, { certificates });
    });
    forwarding.handle(stat, async (request, context) => {
      const { resource } = request;
      const { nodeId } = context.signer;
      // A neighbour compares what we have ourselves, and gives us what we lack.
      const compares = this.#topology.neighbors().includes(nodeId);
      if (!compares) await this.ready(resource);
      context.respond(refusing(() => this.#store.stat(request)));
      if (!compares) return;
      const asked = new Set(request.specifiers.map(({ kind }) => kind));
      const whole = this.#store.kindsAt(resource).every((kind) => asked.has(kind));
      if (whole) this.#mover.comparedBy(nodeId, resource);
      this.#repair.handedOver();
    });
    forwarding.handle(find, (request, context) => {
      // §7.4.4.2
      if (!this.#topology.isResponsible(request.resource)) throw new RequestRefusal(ErrorCode.Not_Found);
      context.respond(refusing(() => this.#store.find(request)));
    });
  }

  /** Undefined when we can answer for the resource at once; resolves when we have what is to be had of it. */
  ready(resource: ResourceId): Promise<void> | undefined {
    return this.#repair.before(resource);
  }

  /**
   * Stores and sends replicas (§10.4): once our own disk has the values, and before the answer. Whoever has seen that
   * may count on them, even if this process dies at once.
   * @returns the answer, once the values are on the disk
   * @throws StorageError
   */
  async store(request: StoreReq, { signer, certificates, transactionId }: StoreSource): Promise<StoreAns> {
    const { resource, replicaNumber } = request;
    if (replicaNumber === 0) await this.ready(resource);
    const responsible = this.#topology.isResponsible(resource);
    const replicas = responsible ? this.#topology.replicaSet() : [];
    const upToDate = new Set(replicas.filter((peer) => this.#mover.isHeldBy(resource, peer)));
    const { answer, changed, committed } = this.#store.store(request, {
      signer,
      certificates,
      replicas,
      responsible,
      ...(transactionId !== undefined && { transactionId }),
    });
    await committed;
    // A hand-over is replicated by the audit, at its pace: its sender holds it, and often the others do.
    if (replicaNumber > 0) {
      const same = request.kindData.every(
        ({ generation }, i) => answer.kindResponses[i]?.generation === generation,
      );
      this.#mover.receivedFrom(signer.nodeId, resource, same);
      this.#repair.handedOver();
    } else if (changed && responsible) this.#replicate(request, replicas, upToDate);
    // The ring changed while we waited.
    else if (changed) this.#mover.handOver();
    return answer;
  }

  async #onStore(request: StoreReq, context: RequestContext<StoreAns>): Promise<void> {
    const { resource, replicaNumber } = request;
    if (replicaNumber === 0 && !this.#topology.isResponsible(resource)) {
      throw new RequestRefusal(ErrorCode.Not_Found, 'not responsible for this resource');
    }
    if (replicaNumber > 0 && !this.#takesReplica(resource, context.signer.nodeId)) {
      throw new RequestRefusal(ErrorCode.Forbidden, 'not a replica of this resource for you');
    }
    context.respond(await this.store(request, context).catch(refuse));
  }

  #takesReplica(resource: string, sender: NodeId): boolean {
    return this.#topology.keeps(resource) && this.#topology.isPlausibleReplicaSource(sender, resource);
  }

  #replicate(request: StoreReq, replicas: readonly NodeId[], upToDate: ReadonlySet<NodeId>): void {
    const { resource, kindData } = request;
    const heir = this.#admission.heirOf(resource);
    const to = heir === undefined || replicas.includes(heir) ? replicas : [...replicas, heir];
    if (to.length === 0) return;
    const times = new Map(
      kindData.map(({ kind, values }) => [kind, new Set(values.map(({ storageTime }) => storageTime))]),
    );
    // As they were stored, not as they came: an appended element has its index now.
    const isNew = ({ request: { kindData: stored } }: ReplicaStore): boolean =>
      stored.every(({ kind, values }) =>
        values.every(({ storageTime }) => times.get(kind)?.has(storageTime)),
      );
    this.#mover.replicateValue(
      resource,
      (n) => [...this.#store.replicaStores(resource, n)].filter(isNew),
      to,
      upToDate,
    );
  }
}

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return refuse(error);
  }
}

/** The answer to a request that the store refuses. */
function refuse(error: unknown): never {
  if (!(error instanceof StorageError)) throw error;
  const { errorCode, errorInfo } = error.toErrorResponse();
  throw new RequestRefusal(errorCode, errorInfo);
}
