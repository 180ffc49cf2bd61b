import { errorMessage, type Logger } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { toNode } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { leave } from '../messages/leave.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { TopologyDriver } from './topology-driver.ts';

interface LeavingDeps {
  readonly logger: Logger;
  readonly forwarding: ForwardingLayer;
  readonly topology: TopologyPlugin;
}

/** RFC 6940 §6.4.2.2, §10.9: Leave requests of others. */
export function serveLeave({ forwarding }: LeavingDeps, driver: TopologyDriver): void {
  forwarding.handle(leave, ({ leavingPeerId, overlayData }, context) => {
    if (leavingPeerId !== context.signer.nodeId || leavingPeerId !== context.previousHop) {
      throw new RequestRefusal(ErrorCode.Forbidden, 'a Leave for another Node-ID than that of the link');
    }
    driver.apply((topology, nowMs) => topology.leaveReceived(leavingPeerId, overlayData, nowMs));
    context.respond({});
  });
}

/** RFC 6940 §10.9: tells all neighbours that we leave. Resolves when they answered; never rejects. */
export async function sendLeave(
  { logger, forwarding, topology }: LeavingDeps,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    topology
      .neighbors()
      .map((neighbor) =>
        forwarding
          .request(
            leave,
            { leavingPeerId: topology.self, overlayData: topology.leaveContents(neighbor) },
            { destinationList: [toNode(neighbor)], firstHop: neighbor, signal },
          )
          .catch((error) => logger.debug('Leave not answered', { neighbor, error: errorMessage(error) })),
      ),
  );
}
