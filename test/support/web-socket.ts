import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';

/**
 * Gives sip.js what it finds in a browser and misses in Node 20.
 * @param authority PEM file: who is trusted for wss
 */
export function installWebSocket(authority: string): void {
  const ca = readFileSync(authority);
  Object.assign(globalThis, {
    WebSocket: class extends WebSocket {
      constructor(url: string, protocols: string | string[]) {
        super(url, protocols, { ca });
      }
    },
  });
}
