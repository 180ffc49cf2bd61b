import type { Logger, Metrics } from '../../base/index.ts';
import { packageVersion } from '../package-version.ts';
import { exportedPdu, LINK_TYPE } from './exported-pdu.ts';
import { fileHeader, packetBlock } from './pcapng.ts';
import { RotatingFile } from './rotating-file.ts';
import type { TracedPacket, TraceObserver } from './trace-hub.ts';
import { withoutSecrets } from './without-secrets.ts';

export interface PcapngFileOptions {
  readonly path: string;
  readonly maxBytes: number;
  readonly keep: number;
}

/** Writes every SIP and RELOAD message into a file for Wireshark, each with its trace id and Node-ID as a comment. */
export function openPcapngFile(
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
  options: PcapngFileOptions,
): { readonly observer: TraceObserver; readonly close: () => Promise<void> } {
  const lost = metrics.counter('p2psip_trace_packets_lost_total', 'Messages that the trace has not taken', {
    to: 'file',
  });
  const file = new RotatingFile({
    ...options,
    header: fileHeader(LINK_TYPE, { application: `p2psip-gateway ${packageVersion()}`, name: 'p2psip' }),
    onError: ({ message }) =>
      logger.warn('the trace file cannot be written', { path: options.path, error: message }),
  });
  const observer = (packet: TracedPacket): void => {
    const { at, direction, protocol } = packet;
    const bytes = protocol === 'sip' ? withoutSecrets(packet.bytes) : packet.bytes;
    const written = file.write(
      packetBlock(exportedPdu(packet, bytes), { at, direction, comment: commentOn(packet) }),
    );
    if (!written) lost.inc();
  };
  return { observer, close: () => file.close() };
}

function commentOn({ traceId, path: { transport, peer } }: TracedPacket): string {
  return [
    transport,
    ...(peer === undefined ? [] : [`peer ${peer}`]),
    ...(traceId === undefined ? [] : [`call ${traceId}`]),
  ].join(', ');
}
