import type { Address } from '../../base/index.ts';

const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const XOR_MAPPED_ADDRESS = 0x0020;

/** Whether a datagram is STUN: SIP begins with a letter, STUN with two zero bits (RFC 5626 §8.1, RFC 8489 §5). */
export function isStun(data: Buffer): boolean {
  return data.length >= HEADER_BYTES && data[0]! < 0x40 && data.readUInt32BE(4) === MAGIC_COOKIE;
}

/**
 * The answer to a Binding request, by which a phone keeps its NAT mapping and learns when it changed (RFC 5626
 * §3.5.2): a success with XOR-MAPPED-ADDRESS alone (RFC 8489 §14.2).
 * @returns undefined for any other STUN message, which keepalive servers ignore (RFC 5626 §8.3)
 */
export function stunAnswer(request: Buffer, source: Address): Buffer | undefined {
  if (
    request.readUInt16BE(0) !== BINDING_REQUEST ||
    request.readUInt16BE(2) !== request.length - HEADER_BYTES
  ) {
    return undefined;
  }
  const address = addressOctets(source.host);
  if (address === undefined) return undefined;
  const answer = Buffer.alloc(HEADER_BYTES + 8 + address.length);
  request.copy(answer, 4, 4, HEADER_BYTES);
  answer.writeUInt16BE(BINDING_SUCCESS, 0);
  answer.writeUInt16BE(8 + address.length, 2);
  answer.writeUInt16BE(XOR_MAPPED_ADDRESS, 20);
  answer.writeUInt16BE(4 + address.length, 22);
  answer.writeUInt8(address.length === 4 ? 1 : 2, 25);
  answer.writeUInt16BE(source.port ^ (MAGIC_COOKIE >>> 16), 26);
  // RFC 8489 §14.2: the address is XORed with the cookie and, for IPv6, the transaction ID that follows it.
  for (const [index, octet] of address.entries()) answer[28 + index] = octet ^ request[4 + index]!;
  return answer;
}

/** The octets of an IP literal; undefined when it is none. */
function addressOctets(host: string): number[] | undefined {
  if (!host.includes(':')) {
    const octets = host.split('.').map(Number);
    return octets.length === 4 && octets.every(isOctet) ? octets : undefined;
  }
  const [head = '', tail] = host.split('%')[0]!.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const missing = 8 - left.length - right.length;
  if (missing < 0 || (tail === undefined && missing > 0)) return undefined;
  const all = [...left, ...new Array<number>(missing).fill(0), ...right];
  return all.every((group) => group >= 0 && group <= 0xffff)
    ? all.flatMap((group) => [group >> 8, group & 0xff])
    : undefined;
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function isOctet(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}
