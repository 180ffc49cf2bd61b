import {
  type Clock,
  errorMessage,
  formatAddress,
  type Logger,
  type Metrics,
  type Network,
  type Random,
} from '../../base/index.ts';
import { MediaRelay } from '../../sip/media/media-relay.ts';
import { NgClient } from '../../sip/media/ng-client.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';

/** Enough of a Node-ID to tell the peers that share one relay apart. */
const PREFIX_LENGTH = 12;

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * The way to the media relay, if calls are to use one. One that does not answer is no reason not to start.
 * @param nodeId of this peer, hex
 */
export async function openMedia(
  { media, sip }: GatewayConfig,
  deps: Deps,
  nodeId: string,
  closers: (() => Promise<void>)[],
): Promise<MediaRelay | undefined> {
  if (media === undefined || sip.mode !== 'proxy') return undefined;
  const { policy, rtpengine } = media;
  const relay = new NgClient(deps, { server: rtpengine });
  await relay.start();
  closers.push(() => relay.stop());
  relay.request({ command: 'ping' }).then(
    () => deps.logger.info('the media relay answers', { rtpengine: formatAddress(rtpengine) }),
    (error) => deps.logger.warn('the media relay is not there yet', { error: errorMessage(error) }),
  );
  return new MediaRelay({ ...deps, relay }, { policy, callPrefix: nodeId.slice(0, PREFIX_LENGTH) });
}
