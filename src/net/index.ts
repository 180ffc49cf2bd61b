export { HttpsClient } from './http/https-client.ts';
export { HttpsServer } from './http/https-server.ts';
export { systemClock } from './system-clock.ts';
export { SystemDns } from './system-dns.ts';
export { SystemMulticast } from './system-multicast.ts';
export { SystemNetwork } from './system-network.ts';
export { systemRandom } from './system-random.ts';
export { SystemWebSockets } from './web-socket-listener.ts';
