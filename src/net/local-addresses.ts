import { createSocket } from 'node:dgram';
import { CodedError } from '../base/index.ts';

/** Routes change seldom, yet a laptop moves: how long an answer is believed, ms. */
const KEPT_MS = 5_000;
const MAX_KEPT = 1_024;
/** Any port does: connecting a UDP socket sends nothing. */
const DISCARD_PORT = 9;

/** Asks the kernel's routing table for the address it sends from. */
export class LocalAddresses {
  readonly #kept = new Map<string, { address: Promise<string>; until: number }>();

  /** @throws CodedError 'no-route' */
  towards(remoteHost: string): Promise<string> {
    const now = performance.now();
    const known = this.#kept.get(remoteHost);
    if (known !== undefined && known.until > now) return known.address;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    const address = askKernel(remoteHost);
    this.#kept.set(remoteHost, { address, until: now + KEPT_MS });
    address.catch(() => this.#kept.delete(remoteHost));
    return address;
  }
}

function askKernel(remoteHost: string): Promise<string> {
  const socket = createSocket(remoteHost.includes(':') ? 'udp6' : 'udp4');
  return new Promise<string>((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(new CodedError('no-route', `no route to ${remoteHost}: ${cause.message}`, { cause }));
    socket.once('error', fail);
    socket.connect(DISCARD_PORT, remoteHost, () => resolve(socket.address().address));
  }).finally(() => socket.close());
}
