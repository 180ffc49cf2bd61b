import { createSocket } from 'node:dgram';
import { SystemDns } from '../../src/net/index.ts';

/** A name server that answers every question with this DNS answer section, or with an error code. */
export async function nameServer(answer: { records: Buffer; count: number } | { rcode: number }) {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const response = Buffer.from(query.subarray(0, questionEnd(query)));
    response[2] = 0x84;
    response[3] = 'rcode' in answer ? answer.rcode : 0;
    response.writeUInt16BE('count' in answer ? answer.count : 0, 6);
    response.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([response, 'records' in answer ? answer.records : Buffer.alloc(0)]), from.port);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  const dns = new SystemDns({ servers: [`127.0.0.1:${socket.address().port}`], timeoutMs: 500, tries: 1 });
  return { dns, close: () => socket.close() };
}

function questionEnd(query: Buffer): number {
  let offset = 12;
  while (query[offset] !== 0) offset += (query[offset] ?? 0) + 1;
  return offset + 5;
}

const label = (name: string) =>
  Buffer.concat([...name.split('.').map((part) => Buffer.from(`\x00${part}`)), Buffer.alloc(1)]);
export const domain = (name: string) => {
  const bytes = label(name);
  let offset = 0;
  for (const part of name.split('.')) {
    bytes[offset] = part.length;
    offset += part.length + 1;
  }
  return bytes;
};
export const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
/** Of the name that was asked for. */
export function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** An SRV record (RFC 2782) of the name that was asked for. */
export function srvRecord(target: string, port: number, priority = 10, weight = 60): Buffer {
  const head = Buffer.alloc(6);
  for (const [i, value] of [priority, weight, port].entries()) head.writeUInt16BE(value, 2 * i);
  return record(33, Buffer.concat([head, domain(target)]));
}
