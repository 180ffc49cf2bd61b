import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type Address, formatAddress, type Logger, type Metrics } from '../../base/index.ts';
import { hepPacket } from './hep.ts';
import type { TracedPacket, TraceObserver } from './trace-hub.ts';

/** The largest UDP payload over IPv4. */
const MAX_DATAGRAM_BYTES = 65_507;

export interface HepOptions {
  /** Where the capture server listens. */
  readonly server: Address;
  /** Tells our messages from those of other agents. */
  readonly captureId: number;
}

/** Sends every SIP message, and what RELOAD messages stood behind it, to a capture server such as Homer. */
export function openHepSender(
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
  { server, captureId }: HepOptions,
): { readonly observer: TraceObserver; readonly close: () => Promise<void> } {
  const lost = metrics.counter('p2psip_trace_packets_lost_total', 'Messages that the trace has not taken', {
    to: 'hep',
  });
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4').unref();
  // A capture server that is away must not be heard of with every message.
  socket.once('error', ({ message }) =>
    logger.warn('the capture server cannot be reached', { server: formatAddress(server), error: message }),
  );
  socket.on('error', () => lost.inc());
  const observer = (packet: TracedPacket): void => {
    const bytes = hepPacket(packet, { captureId });
    if (bytes === undefined) return;
    if (bytes.length > MAX_DATAGRAM_BYTES) lost.inc();
    else socket.send(bytes, server.port, server.host, (error) => error && lost.inc());
  };
  return { observer, close: () => new Promise((resolve) => socket.close(() => resolve())) };
}
