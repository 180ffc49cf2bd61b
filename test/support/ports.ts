import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

const handedOut = new Set<number>();

/**
 * A loopback port that is free for UDP and TCP at this moment and was not given out before by this process. Another
 * process may still take it before it is bound: whoever uses it repeats with a new one on EADDRINUSE.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const tcp = net.createServer().listen(0, host);
    await once(tcp, 'listening');
    const { port } = tcp.address() as net.AddressInfo;
    const udp = dgram.createSocket('udp4');
    udp.bind(port, host);
    const free = await Promise.race([
      once(udp, 'listening').then(() => true),
      once(udp, 'error').then(() => false),
    ]).catch(() => false);
    udp.close();
    tcp.close();
    await once(tcp, 'close');
    if (free && !handedOut.has(port)) {
      handedOut.add(port);
      return port;
    }
  }
  throw new Error('no free port found');
}

/**
 * The same below the ports that the kernel gives to connections, for a server that is started later and cannot be given
 * another one then. Even, and the one above is given to nobody: a SIP phone listens there for TLS.
 */
export async function freeServerPort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 12_000 + 2 * Math.floor(Math.random() * 4_000);
    if (handedOut.has(port)) continue;
    const tcp = net.createServer().listen(port, host);
    const udp = dgram.createSocket('udp4').bind(port, host);
    const free = await Promise.all([listens(tcp), listens(udp)]);
    udp.close();
    tcp.close();
    if (!free.every((isFree) => isFree)) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error('no free port found');
}

function listens(socket: net.Server | dgram.Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('listening', () => resolve(true)).once('error', () => resolve(false));
  });
}

/** A base of `count` consecutive free UDP ports (RTP ranges of real phones), even. */
export async function freePortRange(count: number, host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20000 + 2 * Math.floor(Math.random() * 5500);
    const sockets: dgram.Socket[] = [];
    let free = true;
    for (let port = base; port < base + count && free; port++) {
      const socket = dgram.createSocket('udp4');
      sockets.push(socket);
      socket.bind(port, host);
      free = await Promise.race([
        once(socket, 'listening').then(() => true),
        once(socket, 'error').then(() => false),
      ]).catch(() => false);
    }
    for (const socket of sockets) socket.close();
    if (free) return base;
  }
  throw new Error(`no ${count} consecutive free ports found`);
}
