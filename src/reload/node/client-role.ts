import { type Clock, Event, type EventSource, type Logger, type Random } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { leave } from '../messages/leave.ts';
import { ping } from '../messages/ping.ts';
import { update } from '../messages/update.ts';
import type { Bootstrap } from './bootstrap.ts';
import { ClientKeeper } from './client-keeper.ts';
import type { ConnectionTable } from './connection-table.ts';

/**
 * A client (RFC 6940 §4.2): it never joins, routes or stores. Of the requests of §4.2.2 it answers Ping, and Attach and
 * AppAttach like every node; Updates and Leaves that peers send to all their connections it only acknowledges.
 */
export class ClientRole {
  readonly keeper: ClientKeeper;
  readonly service = undefined;
  readonly changed: EventSource<void> = new Event<void>();

  constructor(deps: {
    clock: Clock;
    random: Random;
    logger: Logger;
    bootstrap: Bootstrap;
    connections: ConnectionTable;
    forwarding: ForwardingLayer;
  }) {
    this.keeper = new ClientKeeper(deps);
    const { clock, random, forwarding } = deps;
    forwarding.handle(update, (_, context) => context.respond({}));
    forwarding.handle(leave, (_, context) => context.respond({}));
    forwarding.handle(ping, (_, context) =>
      context.respond({ responseId: Buffer.from(random.bytes(8)).readBigUInt64BE(), time: clock.now() }),
    );
  }

  /** A client has no routing table to tell of. */
  updateWanted(): void {}

  start(): Promise<void> {
    return this.keeper.start();
  }

  async leave(): Promise<void> {
    this.keeper.stop();
  }

  stop(): void {
    this.keeper.stop();
  }
}
