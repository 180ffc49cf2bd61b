import type { Clock, Logger } from '../../base/index.ts';
import { CallList } from '../calls/call-list.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { openHexFile } from '../trace/hex-file.ts';
import { TraceHub } from '../trace/trace-hub.ts';

export interface OpenTrace {
  /** Undefined when nobody looks: the layers below then do nothing for it. */
  readonly hub: TraceHub | undefined;
  /** Undefined where nobody could ask for it, or nobody wants it. */
  readonly calls: CallList | undefined;
}

/** Opens whatever looks at the messages of this peer, and says to `closers` how it is closed. */
export function openTrace(
  config: GatewayConfig,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  closers: (() => Promise<void>)[],
): OpenTrace {
  const { trace: path, sip, admin, calls: options } = config;
  const hub = new TraceHub({ clock });
  const isFollowed = admin !== undefined && sip.mode !== 'off' && options.keep > 0;
  const calls = isFollowed ? new CallList(options) : undefined;
  if (calls !== undefined) hub.observe((packet) => calls.observe(packet));
  if (path !== undefined) {
    const file = openHexFile(path, (error) =>
      logger.warn('the trace file cannot be written', { path, error: error.message }),
    );
    hub.observe(file.observer);
    closers.push(() => file.close());
  }
  return { hub: calls === undefined && path === undefined ? undefined : hub, calls };
}
