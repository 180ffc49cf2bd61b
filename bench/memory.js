import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { register } from './contest.js';
import { startAlone, stopGateway } from './gateways.js';
import { userNames } from './sipp.js';

/** UDP server transactions end after timer J, 32 s (RFC 3261 §17.2.2); what they hold is not the AoRs'. */
const TRANSACTIONS_GONE_MS = 35_000;

/**
 * What one registered AoR takes in a gateway that is alone in its overlay, so that it also holds the AoR's signed record:
 * bytes of heap (heapUsed + external, after full collections, seen from outside by V8's inspector) and of memory of the
 * whole process as the kernel counts it (PSS: pages of the store on disk that are mapped included).
 */
export async function measureMemory({ count, rate, key = 'ec', tree }) {
  const gateway = await startAlone({
    key,
    tree,
    nodeArguments: ['--inspect=127.0.0.1:0', '--max-semi-space-size=2'],
  });
  try {
    const heap = await openInspector(gateway);
    const registerAll = (users) => register(gateway.sip, users, '127.0.0.1:9', rate);
    await registerAll(userNames(200)); // code, caches and pools that exist once
    await sleep(TRANSACTIONS_GONE_MS);
    const before = { heap: await heap(), pss: proportionalSetSize(gateway.pid) };
    const { ok } = await registerAll(userNames(count, 1_000_000));
    await sleep(TRANSACTIONS_GONE_MS);
    const after = { heap: await heap(), pss: proportionalSetSize(gateway.pid) };
    return {
      aors: ok,
      heapPerAor: Math.round((after.heap - before.heap) / ok),
      pssPerAor: Math.round((after.pss - before.pss) / ok),
      heapMb: after.heap / 2 ** 20,
      pssMb: after.pss / 2 ** 20,
    };
  } finally {
    await stopGateway(gateway);
  }
}

/** Bytes of memory of a process, shared pages divided by those who share them. */
function proportionalSetSize(pid) {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return 1024 * Number(kilobytes);
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
