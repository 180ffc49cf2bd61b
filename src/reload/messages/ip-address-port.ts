import type { Codec } from '../wire/codec.ts';
import { EncodeError } from '../wire/decode-error.ts';
import type { UnknownVariant } from '../wire/struct.ts';

/** RFC 6940 §6.3.1.1: an IP literal (IPv6 without brackets, shortest form) and a port. */
export type IpAddressPort =
  | { readonly type: 'ip'; readonly host: string; readonly port: number }
  | UnknownVariant;

const IPV4 = 1;
const IPV6 = 2;

export const ipAddressPort: Codec<IpAddressPort> = {
  decode(reader) {
    const tag = reader.uint(1);
    const outer = reader.enter(reader.uint(1));
    let value: IpAddressPort;
    if (tag === IPV4) value = { type: 'ip', host: reader.view(4).join('.'), port: reader.uint(2) };
    else if (tag === IPV6) value = { type: 'ip', host: formatIpv6(reader.view(16)), port: reader.uint(2) };
    else if (tag === 0) throw reader.error('bad-value', 'address type 0');
    else value = { type: 'unknown', tag, bytes: reader.view(reader.remaining) };
    reader.leave(outer);
    return value;
  },

  encode(writer, value) {
    const ipv6 = value.type === 'ip' && value.host.includes(':');
    writer.uint(1, value.type === 'unknown' ? value.tag : ipv6 ? IPV6 : IPV4);
    const at = writer.beginLength(1);
    if (value.type === 'unknown') {
      writer.bytes(value.bytes);
    } else {
      writer.bytes(addressBytes(value.host));
      writer.uint(2, value.port);
    }
    writer.endLength(1, at);
  },
};

/** The 4 or 16 bytes of an IP literal without brackets. @throws EncodeError */
export function addressBytes(host: string): Uint8Array {
  return host.includes(':') ? parseIpv6(host) : parseIpv4(host);
}

function parseIpv4(host: string): Uint8Array {
  const octets = host.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (octets.length !== 4 || octets.some((octet) => octet > 255))
    throw new EncodeError(`not an IP address: ${host}`);
  return Uint8Array.from(octets);
}

function parseIpv6(host: string): Uint8Array {
  // The URL parser normalises every legal spelling, the embedded IPv4 form included.
  const [head = '', tail] = canonicalIpv6(host).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  return bytes;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! * 256 + bytes[i + 1]!).toString(16));
  return canonicalIpv6(groups.join(':'));
}

function canonicalIpv6(host: string): string {
  const url = `http://[${host}]`;
  if (!URL.canParse(url)) throw new EncodeError(`not an IP address: ${host}`);
  return new URL(url).hostname.slice(1, -1);
}
