import { type Clock, Event, type Timer } from '../../base/index.ts';
import type {
  Actions,
  IdRange,
  TopologyAction,
  TopologyPlugin,
  UpdateAudience,
} from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';

/** Carries out what the topology plug-in wants done. None of these may throw. */
export interface TopologyExecutor {
  attach(nodeId: NodeId, via: NodeId | undefined): void;
  findPeer(near: ResourceId): void;
  sendUpdate(to: UpdateAudience, full: boolean): void;
  check(peers: readonly NodeId[]): void;
  replicate(range: IdRange, to: readonly NodeId[]): void;
  handOver(range: IdRange): void;
  dropSurplus(): void;
  admitted(by: NodeId): void;
  probePartition(): void;
  isolated(): void;
}

/** Feeds events and time into the topology plug-in and has its actions carried out. */
export class TopologyDriver {
  /** Emitted after each event that the plug-in saw. */
  readonly changed = new Event<void>();
  readonly #clock: Clock;
  readonly #topology: TopologyPlugin;
  readonly #executor: () => TopologyExecutor;
  #timer: Timer | undefined;
  #timerAt: number | undefined;
  #stopped = false;

  constructor(deps: { clock: Clock; topology: TopologyPlugin; executor: () => TopologyExecutor }) {
    this.#clock = deps.clock;
    this.#topology = deps.topology;
    this.#executor = deps.executor;
  }

  /** Tells the plug-in of an event. @throws what the event throws (DecodeError) */
  apply(event: (topology: TopologyPlugin, nowMs: number) => Actions): void {
    if (this.#stopped) return;
    const actions = event(this.#topology, this.#clock.monotonic());
    for (const action of actions) this.#execute(action);
    this.#arm();
    this.changed.emit();
  }

  /** No timer runs and no event counts any more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.close();
  }

  #arm(): void {
    const at = this.#topology.nextTimeout();
    if (at === this.#timerAt) return;
    this.#timer?.close();
    this.#timerAt = at;
    if (at === undefined) return;
    this.#timer = this.#clock.setTimer(Math.max(0, Math.ceil(at - this.#clock.monotonic())), () => {
      this.#timerAt = undefined;
      this.apply((topology, nowMs) => topology.timeout(nowMs));
    });
  }

  #execute(action: TopologyAction): void {
    const executor = this.#executor();
    switch (action.type) {
      case 'attach':
        executor.attach(action.nodeId, action.via);
        break;
      case 'find-peer':
        executor.findPeer(action.near);
        break;
      case 'send-update':
        executor.sendUpdate(action.to, action.full);
        break;
      case 'check':
        executor.check(action.peers);
        break;
      case 'replicate':
        executor.replicate(action.range, action.to);
        break;
      case 'hand-over':
        executor.handOver(action.range);
        break;
      case 'drop-surplus':
        executor.dropSurplus();
        break;
      case 'admitted':
        executor.admitted(action.by);
        break;
      case 'probe-partition':
        executor.probePartition();
        break;
      case 'isolated':
        executor.isolated();
        break;
      default:
        action satisfies never;
    }
  }
}
