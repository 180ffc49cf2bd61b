import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { resourceIdOf, responsiblePeer, startOverlay } from '../support/overlay.ts';
import { freePort } from '../support/ports.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

// What peers write down of their messages, read by Wireshark's dissectors, which we did not write.

/** So many that one of their records is held by either peer, however small its part of the ring. */
const callees = Array.from({ length: 2_000 }, (_, i) => `user${i}`);
const users = ['alice', ...callees].map((name) => ({ aor: `${name}@example.org`, password: 'secret' }));

/**
 * Alice at one peer calls somebody at the other, hangs up, and both peers end. The record lies at the other peer, so that
 * a Fetch goes over the wire.
 */
async function callAcrossTwoPeers(t: ExecutionContext, trace: (index: number) => Record<string, unknown>) {
  const more = (index: number) => ({ trace: trace(index) });
  const peers = await startOverlay(t, ['proxy', 'proxy'], { users, more });
  const [near, far] = peers;
  const callee = callees.find((user) => responsiblePeer(peers, resourceIdOf(`${user}@example.org`)) === far);
  if (callee === undefined) throw new Error('no user whose record lies at the other peer');
  const one = await TestPhone.open(t, { port: near!.sipPort() });
  const other = await TestPhone.open(t, { port: far!.sipPort() });
  t.is(statusOf(await one.register('alice')), 200);
  t.is(statusOf(await other.register(callee)), 200);
  await eventually('the record', 5000, async () => {
    const none = { entries: [] as unknown[] };
    const { entries } = await near!.admin<typeof none>(`/lookup/${callee}@example.org`).catch(() => none);
    return entries.length > 0;
  });
  const attempt = await one.call('alice', callee);
  t.is(attempt.status, 200);
  t.is(attempt.dialog && (await one.bye(attempt.dialog)), 200);
  for (const peer of peers) t.is(await peer.stop(), 0);
}

function directoryFor(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-trace-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** One row of these fields for each packet. */
async function read(t: ExecutionContext, file: string, ...fields: string[]): Promise<string[][]> {
  const options = ['-n', '-o', 'reload.nodeid_length:16', '-r', file, '-T', 'fields', '-E', 'separator=/t'];
  const { code, stdout, stderr } = await run('tshark', [
    ...options,
    ...fields.flatMap((name) => ['-e', name]),
  ]);
  t.is(code, 0, stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((row) => row.split('\t'));
}

const PROTOCOL = '_ws.col.Protocol';
const INFO = '_ws.col.Info';

test.serial(
  'tshark opens the packet trace of two peers and names the SIP and RELOAD messages of a call',
  async (t) => {
    if (!requirePrograms(t, 'tshark')) return;
    const directory = directoryFor(t);
    const file = (index: number) => path.join(directory, `peer${index}.pcapng`);
    await callAcrossTwoPeers(t, (index) => ({ file: file(index) }));
    t.is(statSync(file(0)).mode & 0o777, 0o600);

    const rows = await read(
      t,
      file(0),
      PROTOCOL,
      INFO,
      'sip.Call-ID',
      'frame.comment',
      'udp.srcport',
      '_ws.malformed',
    );
    const sip = rows.filter(([protocol]) => protocol?.startsWith('SIP'));
    const reload = rows.filter(([protocol]) => protocol?.includes('RELOAD'));
    t.is(sip.length + reload.length, rows.length, JSON.stringify(rows));
    t.true(
      rows.every((row) => (row[5] ?? '') === ''),
      'malformed',
    );
    for (const what of [
      /REGISTER/,
      /401 Unauthorized/,
      /INVITE sip:user\d+@example\.org/,
      /180 Ringing/,
      /200 OK/,
      /BYE/,
    ]) {
      t.true(
        sip.some(([, info]) => what.test(info ?? '')),
        String(what),
      );
    }
    for (const what of [/StoreReq|Store request/i, /Fetch/i, /AppAttach/i, /Join|Attach/i]) {
      t.true(
        reload.some(([, info]) => what.test(info ?? '')),
        `${what} in ${JSON.stringify(reload.map(([, info]) => info))}`,
      );
    }

    // The Call-ID leads from the INVITE to the Fetch and the AppAttach behind it, and the Node-ID to the other peer.
    const callId = sip.find(([, info]) => /INVITE/.test(info ?? ''))?.[2] ?? '';
    t.not(callId, '');
    const behind = reload
      .filter(([, , , comment]) => comment?.includes(`call ${callId}`))
      .map(([, info]) => info);
    t.true(
      behind.some((info) => /Fetch/i.test(info ?? '')),
      JSON.stringify(behind),
    );
    t.true(
      behind.some((info) => /AppAttach/i.test(info ?? '')),
      JSON.stringify(behind),
    );
    t.true(reload.every(([, , , comment]) => /^TLS, peer [0-9a-f]{32}/.test(comment ?? '')));

    const secrets = await read(t, file(0), 'sip.auth.digest.response');
    const shown = secrets.flat().filter((response) => response !== '');
    t.true(shown.length > 0);
    for (const response of shown) t.regex(response, /^"?\*{32}"?$/);
  },
);

test.serial('what an earlier run has traced is moved aside', async (t) => {
  if (!requirePrograms(t, 'tshark')) return;
  const directory = directoryFor(t);
  const file = path.join(directory, 'old.pcapng');
  writeFileSync(file, 'from an earlier run');
  await callAcrossTwoPeers(t, (index) =>
    index === 0 ? { file, keep: 1, 'max-mb': 1 } : { file: path.join(directory, 'other.pcapng') },
  );
  t.is(readFileSync(`${file}.1`, 'utf8'), 'from an earlier run');
  t.false(existsSync(`${file}.2`));
  t.true((await read(t, file, PROTOCOL)).length > 10);
});

test.serial(
  'HEP version 3: sngrep reads what a capture server gets; RELOAD behind a call comes as lines',
  async (t) => {
    if (!requirePrograms(t, 'sngrep', 'tshark')) return;
    const capture = path.join(directoryFor(t), 'heard.pcap');
    const port = await freePort();
    const sngrep = spawn('sngrep', ['-N', '-q', '-F', '-L', `udp:127.0.0.1:${port}`, '-O', capture], {
      env: { ...process.env, TERM: 'xterm' },
      stdio: 'ignore',
    });
    t.teardown(() => sngrep.kill('SIGKILL'));
    await eventually('sngrep', 5000, () => existsSync(capture));

    // What we send is kept as well on its way there.
    const relay = createSocket('udp4');
    const datagrams: Buffer[] = [];
    relay.on('message', (datagram) => {
      datagrams.push(datagram);
      relay.send(datagram, port, '127.0.0.1');
    });
    relay.bind(0, '127.0.0.1');
    await once(relay, 'listening');
    t.teardown(() => relay.close());
    const hep = `udp://127.0.0.1:${relay.address().port}`;
    await callAcrossTwoPeers(t, (index) => ({ hep, 'capture-id': 100 + index }));
    sngrep.kill('SIGTERM');
    await once(sngrep, 'exit');

    const rows = await read(t, capture, INFO, 'ip.src', 'udp.srcport', 'udp.dstport');
    for (const what of [/REGISTER/, /INVITE sip:user\d+@example\.org/, /180 Ringing/, /200 OK/, /BYE/]) {
      t.true(
        rows.some(([info]) => what.test(info ?? '')),
        `${what} in ${JSON.stringify(rows)}`,
      );
    }
    t.true(rows.every(([, source]) => source === '127.0.0.1'));
    const texts = datagrams.map((datagram) => datagram.toString('latin1'));
    for (const name of ['fetch_req', 'fetch_ans', 'app_attach_req', 'app_attach_ans']) {
      t.true(
        texts.some((text) => new RegExp(`RELOAD ${name} (to|from) [0-9a-f]{32}, `).test(text)),
        name,
      );
    }
    t.false(texts.some((text) => /response="[0-9a-f]{32}"/.test(text)));
  },
);
