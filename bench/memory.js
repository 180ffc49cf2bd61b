import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { startAlone, stopGateway } from './gateways.js';
import { load, userNames } from './sipp.js';

/** UDP server transactions end after timer J, 32 s (RFC 3261 §17.2.2); what they hold is not the AoRs'. */
const TRANSACTIONS_GONE_MS = 35_000;

/**
 * Bytes of heap (heapUsed + external after a full collection) one registered AoR takes in a gateway that is alone in
 * its overlay: its binding and the signed record in the overlay's store. Seen from outside by V8's inspector.
 */
export async function measureHeapPerAor({ count, rate, key }) {
  const gateway = await startAlone({
    key,
    nodeArguments: ['--inspect=127.0.0.1:0', '--max-semi-space-size=2'],
  });
  try {
    const heap = await openInspector(gateway);
    const register = (users) =>
      load({
        scenario: 'register',
        target: gateway.sip,
        users,
        rate,
        count: users.length,
        contact: '127.0.0.1:9',
      });
    await register(userNames(200)); // code, caches and pools that exist once
    await sleep(TRANSACTIONS_GONE_MS);
    const before = await heap();
    const { ok } = await register(userNames(count, 1_000_000));
    await sleep(TRANSACTIONS_GONE_MS);
    const after = await heap();
    return {
      aors: ok,
      bytesPerAor: Math.round((after - before) / ok),
      heapMb: after / 2 ** 20,
    };
  } finally {
    await stopGateway(gateway);
  }
}

async function openInspector(gateway) {
  const url = /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(gateway.log)?.[0];
  if (url === undefined) throw new Error(`no inspector: ${gateway.log}`);
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  let id = 0;
  const ask = (method, params = {}) =>
    new Promise((resolve) => {
      const own = ++id;
      const answer = (data) => {
        const message = JSON.parse(data);
        if (message.id !== own) return;
        socket.off('message', answer);
        resolve(message.result);
      };
      socket.on('message', answer);
      socket.send(JSON.stringify({ id: own, method, params }));
    });
  return async () => {
    for (let i = 0; i < 3; i++) await ask('HeapProfiler.collectGarbage');
    const expression = '(({heapUsed, external}) => heapUsed + external)(process.memoryUsage())';
    const { result } = await ask('Runtime.evaluate', {
      expression,
      returnByValue: true,
    });
    return result.value;
  };
}
