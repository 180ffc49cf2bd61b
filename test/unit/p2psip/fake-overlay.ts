import { CodedError, type Connection } from '../../../src/base/index.ts';
import type {
  NodeId,
  Overlay,
  OverlayState,
  RegistrationEntry,
  RegistrationStore,
} from '../../../src/p2psip/overlay.ts';

export const NODE_1 = '1'.repeat(32);
export const NODE_3 = '3'.repeat(32);
export const NODE_4 = '4'.repeat(32);

/** An overlay of one table, with switches for what can go wrong. */
export class FakeOverlay implements Overlay {
  readonly nodeId: NodeId = NODE_1;
  readonly name = 'example.org';
  state: OverlayState = 'joined';
  readonly table = new Map<string, Map<NodeId, RegistrationEntry>>();
  readonly addresses = new Map<NodeId, readonly string[]>();
  readonly stores: RegistrationStore[] = [];
  fetches = 0;
  storeError: CodedError | undefined;
  fetchError: CodedError | undefined;
  admits = (_aor: string): boolean => true;
  openSip: Overlay['openSip'] = () => Promise.reject(new CodedError('peer-unreachable', 'nobody there'));
  sipHandler: ((connection: Connection, peer: NodeId) => void) | undefined;

  put(aor: string, entry: RegistrationEntry): void {
    const entries = this.table.get(aor) ?? new Map();
    entries.set(entry.node, entry);
    this.table.set(aor, entries);
  }

  putRoute(
    aor: string,
    node: NodeId,
    storageTime: number,
    destinationList: readonly NodeId[] = [node],
  ): void {
    const registration = { type: 'route', contactPrefs: '', destinationList } as const;
    this.put(aor, { node, registration, storageTime, lifetimeS: 3600 });
  }

  async fetchRegistrations(aor: string): Promise<readonly RegistrationEntry[]> {
    this.fetches += 1;
    if (this.fetchError !== undefined) throw this.fetchError;
    return [...(this.table.get(aor)?.values() ?? [])];
  }

  async storeRegistration(store: RegistrationStore): Promise<void> {
    if (this.storeError !== undefined) throw this.storeError;
    const { aor, registration, storageTime, lifetimeS } = store;
    const held = this.table.get(aor)?.get(this.nodeId);
    if (held !== undefined && held.storageTime >= storageTime) {
      throw new CodedError('data-too-old', 'older than what is held', { origin: 'remote' });
    }
    this.stores.push(store);
    this.put(aor, { node: this.nodeId, registration, storageTime, lifetimeS });
  }

  async fetchPublicAddresses(node: NodeId): Promise<readonly string[]> {
    this.fetches += 1;
    return this.addresses.get(node) ?? [];
  }

  async storePublicAddresses(uris: readonly string[]): Promise<void> {
    if (this.storeError !== undefined) throw this.storeError;
    this.addresses.set(this.nodeId, uris);
  }

  onSip(handler: (connection: Connection, peer: NodeId) => void): void {
    this.sipHandler = handler;
  }
}
