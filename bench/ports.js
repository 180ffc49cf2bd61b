import dgram from 'node:dgram';
import { once } from 'node:events';

/** A loopback port free for UDP now (of the range SIPp and the servers here use). */
export async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 12000);
    const socket = dgram.createSocket('udp4');
    const bound = once(socket, 'listening').then(
      () => true,
      () => false,
    );
    socket.bind(port, '127.0.0.1');
    const free = await bound;
    socket.close();
    if (free) return port;
  }
}
