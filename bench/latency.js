import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Captures a server's SIP on loopback during `work`, which gives the caller's port, and reads, per call, the time from
 * INVITE to 180 at the caller and the server's own share of it (INVITE in to out, 180 in to out), in ms.
 */
export async function captureLatency({ calleePort, server }, work) {
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-latency-'));
  const file = path.join(directory, 'lo.pcapng');
  // Not all of loopback: other work's traffic would be read as well.
  const filter = `udp port ${server.sip.split(':')[1]} or udp port ${calleePort}`;
  const capture = spawn('dumpcap', ['-q', '-i', 'lo', '-B', '64', '-f', filter, '-w', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    await Promise.race([
      new Promise((resolve) =>
        capture.stderr.on('data', (text) => String(text).includes('File:') && resolve()),
      ),
      once(capture, 'exit').then(() => Promise.reject(new Error('dumpcap cannot capture on lo'))),
    ]);
    const done = await work();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const ended = once(capture, 'exit');
    capture.kill('SIGINT');
    await ended;
    return { ...done, ...(await readCapture(file, done.port, calleePort)) };
  } finally {
    capture.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function readCapture(file, callerPort, calleePort) {
  const fields = [
    'frame.time_epoch',
    'udp.srcport',
    'udp.dstport',
    'sip.Call-ID',
    'sip.Method',
    'sip.Status-Code',
  ];
  const tshark = spawn(
    'tshark',
    [
      ...['-r', file, '-d', `udp.port==${callerPort},sip`, '-d', `udp.port==${calleePort},sip`, '-Y', 'sip'],
      ...[
        '-T',
        'fields',
        '-E',
        'separator=|',
        '-E',
        'occurrence=f',
        ...fields.flatMap((field) => ['-e', field]),
      ],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let text = '';
  for await (const chunk of tshark.stdout) text += chunk;
  const calls = new Map();
  for (const line of text.split('\n')) {
    const [time, from, to, callId, method, status] = line.split('|');
    if (callId === undefined) continue;
    const call = calls.get(callId) ?? {};
    calls.set(callId, call);
    if (method === 'INVITE' && Number(from) === callerPort) call.sent ??= Number(time);
    if (method === 'INVITE' && Number(to) === calleePort) call.arrived ??= Number(time);
    if (status === '180' && Number(from) === calleePort) call.rang ??= Number(time);
    if (status === '180' && Number(to) === callerPort) call.heard ??= Number(time);
  }
  const complete = [...calls.values()].filter((call) => call.sent && call.arrived && call.rang && call.heard);
  const total = complete.map((call) => 1000 * (call.heard - call.sent)).sort((a, b) => a - b);
  const added = complete
    .map((call) => 1000 * (call.arrived - call.sent + call.heard - call.rang))
    .sort((a, b) => a - b);
  return {
    calls: complete.length,
    inviteTo180: { p50: quantile(total, 0.5), p99: quantile(total, 0.99) },
    added: { p50: quantile(added, 0.5), p99: quantile(added, 0.99) },
  };
}

function quantile(sorted, share) {
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}
