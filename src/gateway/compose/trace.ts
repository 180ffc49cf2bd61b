import type { Clock, Logger } from '../../base/index.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { openHexFile } from '../trace/hex-file.ts';
import { TraceHub } from '../trace/trace-hub.ts';

/**
 * Opens whatever looks at the messages of this peer, and says to `closers` how it is closed.
 * @returns undefined when nothing does: the layers below then do nothing for it
 */
export function openTrace(
  config: GatewayConfig,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  closers: (() => Promise<void>)[],
): TraceHub | undefined {
  const { trace: path } = config;
  if (path === undefined) return undefined;
  const hub = new TraceHub({ clock });
  const file = openHexFile(path, (error) =>
    logger.warn('the trace file cannot be written', { path, error: error.message }),
  );
  hub.observe(file.observer);
  closers.push(() => file.close());
  return hub;
}
