import { CodedError, errorMessage, formatAddress, type Network, noMetrics } from '../../base/index.ts';
import { systemClock } from '../../net/system-clock.ts';
import { systemRandom } from '../../net/system-random.ts';
import { NgClient } from '../../sip/media/ng-client.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type Finding, ok, warn } from './finding.ts';

/** Does the media relay answer, where there is to be one? */
export async function checkMedia({ media, sip }: GatewayConfig, network: Network): Promise<Finding[]> {
  if (media === undefined) return [];
  if (sip.mode !== 'proxy') {
    return [warn('media', 'only a proxy has media relayed', 'leave it out, or write sip.mode: proxy')];
  }
  const deps = { clock: systemClock, random: systemRandom, network, metrics: noMetrics };
  const client = new NgClient(deps, { server: media.rtpengine });
  try {
    await client.start();
    await client.request({ command: 'ping' });
    return [ok('media', `rtpengine answers at ${formatAddress(media.rtpengine)}`)];
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const mend = `start it (rtpengine --listen-ng=${formatAddress(media.rtpengine)}), or write media: never`;
    return [warn('media', errorMessage(error), mend)];
  } finally {
    await client.stop();
  }
}
