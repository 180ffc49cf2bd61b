import {
  type Address,
  type Clock,
  CodedError,
  type Connection,
  formatAddress,
  type Network,
  type Random,
  sameAddress,
} from '../../base/index.ts';
import { type DnsQuestion, type DnsReply, decodeReply, encodeQuery } from './dns-message.ts';

export interface ExchangeDeps {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Asks one server once: over UDP, and over TCP what does not fit into a datagram (RFC 7766 §5). Each time from a port and
 * with an id that nobody can guess (RFC 5452 §9.2).
 * @throws CodedError 'dns-failed' | 'connect-failed' | 'address-unavailable', or the signal's reason
 */
export async function askServer(
  deps: ExchangeDeps,
  server: Address,
  question: DnsQuestion,
  signal: AbortSignal,
): Promise<DnsReply> {
  const reply = await askWith({ edns: true });
  // RFC 6891 §7: a server that knows no EDNS may say so by either.
  return reply.rcode === 'FORMERR' || reply.rcode === 'NOTIMP' ? askWith({ edns: false }) : reply;

  async function askWith({ edns }: { readonly edns: boolean }): Promise<DnsReply> {
    const id = Buffer.from(deps.random.bytes(2)).readUInt16BE();
    const query = encodeQuery(id, question, edns);
    const read = (bytes: Uint8Array) => decodeReply(bytes, id, question);
    const overUdp = await askByDatagram(deps, server, { query, read, signal });
    return overUdp.truncated ? askByStream(deps, server, { query, read, signal }) : overUdp;
  }
}

interface Exchange {
  readonly query: Uint8Array;
  /** Undefined for what is not the answer. */
  readonly read: (bytes: Uint8Array) => DnsReply | undefined;
  readonly signal: AbortSignal;
}

async function askByDatagram({ network }: ExchangeDeps, server: Address, exchange: Exchange) {
  const { query, read, signal } = exchange;
  const { promise, resolve, reject } = settleable<DnsReply>(signal);
  const host = server.host.includes(':') ? '::' : '0.0.0.0';
  const socket = await network.bindDatagram(
    { host, port: 0 },
    {
      onDatagram(data, from) {
        const reply = sameAddress(from, server) ? read(data) : undefined;
        if (reply !== undefined) resolve(reply);
      },
      onError: (error) => reject(error),
    },
  );
  try {
    socket.send(query, server);
    return await promise;
  } finally {
    void socket.close();
  }
}

/** Messages on a stream have their length in two bytes before them (RFC 1035 §4.2.2). */
async function askByStream({ network }: ExchangeDeps, server: Address, exchange: Exchange) {
  const { query, read, signal } = exchange;
  const { promise, resolve, reject } = settleable<DnsReply>(signal);
  const connection: Connection = await network.connect(server, { signal });
  const failed = (why: string) => new CodedError('dns-failed', `${formatAddress(server)} ${why}`);
  let received = Buffer.alloc(0);
  connection.setHandler({
    onData(chunk) {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return;
      const reply = read(received.subarray(2, 2 + received.readUInt16BE()));
      if (reply === undefined) reject(failed('answers something else'));
      else resolve(reply);
    },
    onClose: () => reject(failed('closed the connection')),
  });
  try {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    connection.send(Buffer.concat([length, query]));
    return await promise;
  } finally {
    connection.destroy();
  }
}

/** A promise that the signal rejects; a rejection nobody waits for yet is none. */
function settleable<T>(signal: AbortSignal) {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onResolved, onRejected) => {
    resolve = onResolved;
    reject = onRejected;
  });
  promise.catch(() => {});
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return { promise, resolve, reject };
}
