import { isIPv6 } from 'node:net';
import { reloadSummary } from '../calls/reload-summary.ts';
import { ipBytes } from './exported-pdu.ts';

import type { TracedPacket } from './trace-hub.ts';
import { withoutSecrets } from './without-secrets.ts';

/** Chunk types of HEP version 3 (Homer Encapsulation Protocol), vendor 0. */
const Chunk = {
  ipFamily: 1,
  ipProtocol: 2,
  ipv4Source: 3,
  ipv4Destination: 4,
  ipv6Source: 5,
  ipv6Destination: 6,
  sourcePort: 7,
  destinationPort: 8,
  seconds: 9,
  microseconds: 10,
  payloadType: 11,
  captureId: 12,
  payload: 15,
  correlationId: 17,
} as const;

const AF_INET = 2;
const AF_INET6 = 10;
const TCP = 6;
const UDP = 17;
const PAYLOAD_SIP = 1;
/** HEP knows no RELOAD: what stood behind a call goes as a line of log, which Homer shows among the call's messages. */
const PAYLOAD_LOG = 100;

/** A message for a capture server; undefined for RELOAD messages that belong to no call. */
export function hepPacket(
  packet: TracedPacket,
  { captureId }: { readonly captureId: number },
): Buffer | undefined {
  const { protocol, direction, at, path, traceId } = packet;
  if (protocol === 'reload' && traceId === undefined) return undefined;
  const [source, destination] = direction === 'in' ? [path.remote, path.local] : [path.local, path.remote];
  const isV6 = isIPv6(source.host);
  const microseconds = Math.round(at * 1000);
  const chunks = [
    uint8(Chunk.ipFamily, isV6 ? AF_INET6 : AF_INET),
    uint8(Chunk.ipProtocol, path.transport === 'UDP' ? UDP : TCP),
    chunk(isV6 ? Chunk.ipv6Source : Chunk.ipv4Source, ipBytes(source.host)),
    chunk(isV6 ? Chunk.ipv6Destination : Chunk.ipv4Destination, ipBytes(destination.host)),
    uint16(Chunk.sourcePort, source.port),
    uint16(Chunk.destinationPort, destination.port),
    uint32(Chunk.seconds, Math.floor(microseconds / 1_000_000)),
    uint32(Chunk.microseconds, microseconds % 1_000_000),
    uint8(Chunk.payloadType, protocol === 'sip' ? PAYLOAD_SIP : PAYLOAD_LOG),
    uint32(Chunk.captureId, captureId),
    ...(traceId === undefined ? [] : [chunk(Chunk.correlationId, Buffer.from(traceId))]),
    chunk(Chunk.payload, protocol === 'sip' ? withoutSecrets(packet.bytes) : line(packet)),
  ];
  const head = Buffer.from('HEP3\0\0', 'latin1');
  head.writeUInt16BE(head.length + chunks.reduce((sum, each) => sum + each.length, 0), 4);
  return Buffer.concat([head, ...chunks]);
}

function line({ direction, path: { peer = '?' }, bytes }: TracedPacket): Buffer {
  const towards = direction === 'in' ? 'from' : 'to';
  return Buffer.from(`RELOAD ${reloadSummary(bytes).label} ${towards} ${peer}, ${bytes.length} bytes`);
}

/** Vendor, type and length, 16 bits each; the length counts all of the chunk. */
function chunk(type: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(6 + value.length, 4);
  return Buffer.concat([head, value]);
}

function uint8(type: number, value: number): Buffer {
  return chunk(type, Buffer.from([value]));
}

function uint16(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return chunk(type, bytes);
}

function uint32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return chunk(type, bytes);
}
