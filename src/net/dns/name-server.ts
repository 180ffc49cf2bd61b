import { isIP, SocketAddress } from 'node:net';
import { type Address, CodedError } from '../../base/index.ts';

const DNS_PORT = 53;

/**
 * `address`, `address:port` or `[address]:port`, the address as sockets write it.
 * @throws CodedError 'bad-address'
 */
export function nameServer(text: string): Address {
  const [, inBrackets, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = inBrackets ?? plain ?? text;
  const number = Number(port ?? DNS_PORT);
  const family = isIP(host);
  if (family === 0 || number < 1 || number > 65_535) {
    throw new CodedError('bad-address', `${text} is not the address of a name server`);
  }
  const { address } = new SocketAddress({ address: host, family: family === 6 ? 'ipv6' : 'ipv4' });
  return { host: address, port: number };
}
