import type { Address, DatagramHandler } from './network.ts';

/** A UDP port on which datagrams for a multicast group, or for a broadcast address, are heard. */
export interface GroupSocket {
  /** To the group, on every interface. */
  send(data: Uint8Array): void;
  /** To one host, from the port of the group. */
  sendTo(data: Uint8Array, to: Address): void;
  close(): Promise<void>;
}

/** Multicast as protocol code sees it. `src/net` makes it real, `src/base/virtual` simulates it. */
export interface Multicast {
  /**
   * Others on this host may have joined as well.
   * @param group a multicast group, or an IPv4 broadcast address
   * @param options.hops routers that what is sent may cross, and one
   * @throws CodedError 'multicast-unavailable' when no interface carries it
   */
  join(group: Address, handler: DatagramHandler, options: { readonly hops: number }): Promise<GroupSocket>;
}
