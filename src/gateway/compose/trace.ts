import type { Clock, Logger, Metrics } from '../../base/index.ts';
import { CallList } from '../calls/call-list.ts';
import type { GatewayConfig, TraceFileConfig } from '../config/gateway-config.ts';
import { openHepSender } from '../trace/hep-sender.ts';
import { openHexFile } from '../trace/hex-file.ts';
import { openPcapngFile } from '../trace/pcapng-file.ts';
import { TraceHub } from '../trace/trace-hub.ts';

export interface OpenTrace {
  /** Undefined when nobody looks: the layers below then do nothing for it. */
  readonly hub: TraceHub | undefined;
  /** Undefined where nobody could ask for it, or nobody wants it. */
  readonly calls: CallList | undefined;
}

interface Deps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Opens whatever looks at the messages of this peer, and says to `closers` how it is closed. */
export function openTrace(config: GatewayConfig, deps: Deps, closers: (() => Promise<void>)[]): OpenTrace {
  const { trace: { file, hep } = {}, sip, admin, calls: options } = config;
  const hub = new TraceHub(deps);
  const isFollowed = admin !== undefined && sip.mode !== 'off' && options.keep > 0;
  const calls = isFollowed ? new CallList(options) : undefined;
  if (calls !== undefined) hub.observe((packet) => calls.observe(packet));
  const exports = [
    ...(file === undefined ? [] : [openFile(file, deps)]),
    ...(hep === undefined ? [] : [openHepSender(deps, hep)]),
  ];
  for (const { observer, close } of exports) {
    hub.observe(observer);
    closers.push(close);
  }
  return { hub: calls === undefined && exports.length === 0 ? undefined : hub, calls };
}

function openFile(file: TraceFileConfig, deps: Deps) {
  if (file.format === 'pcapng') return openPcapngFile(deps, file);
  const { path } = file;
  return openHexFile(path, ({ message }) =>
    deps.logger.warn('the trace file cannot be written', { path, error: message }),
  );
}
