import { isIPv6 } from 'node:net';
import type { Address } from '../../base/index.ts';
import type { TracedPacket } from './trace-hub.ts';

/** LINKTYPE_WIRESHARK_UPPER_PDU: tags, then a message of any protocol, without the layers below it. */
export const LINK_TYPE = 252;

/** Tags of Wireshark's wsutil/exported_pdu_tlvs.h. */
const Tag = {
  end: 0,
  dissector: 12,
  ipv4Source: 20,
  ipv4Destination: 21,
  ipv6Source: 22,
  ipv6Destination: 23,
  portType: 24,
  sourcePort: 25,
  destinationPort: 26,
} as const;

const PORT_TYPE_TCP = 2;
const PORT_TYPE_UDP = 3;

/**
 * One message as an "exported PDU": Wireshark hands it to the dissector `sip` or `reload` by name, as if it had come
 * between these addresses. So what went over TLS can be read without keys.
 */
export function exportedPdu({ protocol, direction, path }: TracedPacket, bytes: Uint8Array): Uint8Array {
  const { transport, local, remote } = path;
  const [source, destination] = direction === 'in' ? [remote, local] : [local, remote];
  return Buffer.concat([
    tag(Tag.dissector, Buffer.from(protocol)),
    address(source, Tag.ipv4Source, Tag.ipv6Source),
    address(destination, Tag.ipv4Destination, Tag.ipv6Destination),
    tag(Tag.portType, uint32(transport === 'UDP' ? PORT_TYPE_UDP : PORT_TYPE_TCP)),
    tag(Tag.sourcePort, uint32(source.port)),
    tag(Tag.destinationPort, uint32(destination.port)),
    tag(Tag.end, Buffer.alloc(0)),
    bytes,
  ]);
}

function address({ host }: Address, ipv4: number, ipv6: number): Buffer {
  return isIPv6(host) ? tag(ipv6, ipBytes(host)) : tag(ipv4, ipBytes(host));
}

/** Type and length, 16 bits each, then the value padded to 32 bits; the length counts the padding. */
function tag(type: number, value: Uint8Array): Buffer {
  const length = Math.ceil(value.length / 4) * 4;
  const bytes = Buffer.alloc(4 + length);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(length, 2);
  bytes.set(value, 4);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The 4 or 16 octets of an address literal. */
export function ipBytes(host: string): Buffer {
  if (!isIPv6(host)) return Buffer.from(host.split('.').map(Number));
  // The URL parser writes dotted quads as hex groups and takes no zone.
  const plain = new URL(`http://[${host.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const all = [...before, ...(tail === undefined ? [] : zeros), ...after];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
