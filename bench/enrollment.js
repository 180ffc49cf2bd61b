// First registrations in an overlay with an enrollment server: each phone's digest response goes to that server, which
// gives the registration certificate and the HA1; then the record is signed and stored.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { AccountFiles } from '../dist/gateway/enrollment/account-files.js';
import { systemRandom } from '../dist/net/index.js';
import { watch } from './cpu.js';
import { startGateway, stopGateway } from './gateways.js';
import { freePort } from './ports.js';

const OVERLAY = 'example.org';
const PASSWORD = 'secret';
const cli = fileURLToPath(new URL('../bin/p2psip.js', import.meta.url));
/** Phones of the wave that wakes at once, and how long they may wait for their 200, ms. */
const WAVE = 100;
const WAVE_AIM_MS = 5000;
/** REGISTERs under way at once. */
const WINDOW = 64;
/** A phone sends again after this, ms (RFC 3261 §17.1.2.2, T1). */
const RESEND_MS = 500;
const GIVE_UP_MS = 32_000;

/**
 * @param count first registrations in one round
 * @returns one entry for EC and one for RSA: keys of the authorities and of the adapter peer alike
 */
export async function enrollmentCosts({ count, rounds, report }) {
  const keys = [];
  for (const keyType of ['ec', 'rsa']) {
    const site = await openSite(keyType, count);
    try {
      const runs = [];
      for (let i = 0; i < rounds; i++) {
        runs.push(await round(site, count));
        const { perSecond, cpuMs, wave } = runs[i];
        report(
          `  ${keyType}: ${perSecond.toFixed(0)}/s, ${cpuMs.toFixed(2)} ms CPU each; ${WAVE} at once: ${wave.toFixed(0)} ms`,
        );
      }
      keys.push({ keyType, ...summary(runs) });
    } finally {
      await site.close();
    }
  }
  return { count, wave: WAVE, waveAimMs: WAVE_AIM_MS, keys };
}

/** An authority with its accounts and a running enrollment server. */
async function openSite(keyType, count) {
  const root = mkdtempSync(path.join(tmpdir(), 'p2psip-bench-'));
  const directory = path.join(root, 'authority');
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const create = ['overlay', 'create', OVERLAY, '--dir', directory, '--enrollment', url, '--key', keyType];
  execFileSync(cli, create, { stdio: 'ignore' });
  const accounts = new AccountFiles(
    { random: systemRandom },
    { accounts: path.join(directory, 'accounts'), nodes: path.join(directory, 'nodes'), overlay: OVERLAY },
  );
  const names = [...users(count), ...users(WAVE, 'wave')];
  await accounts.add(`gw@${OVERLAY}`, PASSWORD, { adapter: true });
  // Each hash takes a thread for some 40 ms.
  await concurrently(4, names, (name) => accounts.add(`${name}@${OVERLAY}`, PASSWORD));

  const server = spawn(cli, ['enrollment', 'serve', '--dir', directory, '--listen', url], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  await once(server.stdout, 'data');
  server.stdout.resume();
  return {
    ...{ keyType, root, server },
    document: readFileSync(path.join(directory, 'enrollment.url'), 'utf8').trim(),
    close: async () => {
      process.off('exit', kill);
      const exited = once(server, 'exit');
      server.kill('SIGTERM');
      await exited;
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A new adapter peer, to which all users are strangers. */
async function round({ keyType, root, server, document }, count) {
  const passwordFile = path.join(root, 'gw.pass');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const gateway = await startGateway({
    overlay: {
      ...{ name: OVERLAY, document, first: true, key: keyType },
      enroll: { username: `gw@${OVERLAY}`, 'password-file': passwordFile },
      listen: [`tls://127.0.0.1:${await freePort()}`],
    },
    sip: { mode: 'proxy', listen: ['udp://127.0.0.1:0'], domains: [OVERLAY] },
    users: undefined,
  });
  const phones = await openPhones(gateway.sip);
  try {
    const pids = [gateway.pid, server.pid];
    const stop = watch(pids);
    const began = performance.now();
    await concurrently(WINDOW, users(count), (user) => phones.register(user));
    const seconds = (performance.now() - began) / 1000;
    const { cpu, steal } = stop();
    const waking = users(WAVE, 'wave').map((user) => timed(() => phones.register(user)));
    const wave = Math.max(...(await Promise.all(waking)));
    return { perSecond: count / seconds, cpuMs: (1000 * cpu) / count, steal, wave };
  } catch (error) {
    throw new Error(`${error.message}\n${gateway.log}`);
  } finally {
    phones.close();
    await stopGateway(gateway);
  }
}

function users(count, prefix = 'user') {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/** Many phones on one socket, each with its own user. */
async function openPhones(server) {
  const [host, port] = server.split(':');
  const socket = dgram.createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const local = `127.0.0.1:${socket.address().port}`;
  const waiting = new Map();
  socket.on('message', (data) => {
    const text = data.toString('latin1');
    const branch = /branch=([^;\r\n]+)/.exec(text)?.[1];
    waiting.get(branch)?.(text);
  });

  const ask = (text, branch) =>
    new Promise((resolve, reject) => {
      const send = () => socket.send(text, Number(port), host);
      const again = setInterval(send, RESEND_MS);
      const limit = setTimeout(() => {
        clearInterval(again);
        reject(new Error('no answer to a REGISTER'));
      }, GIVE_UP_MS);
      waiting.set(branch, (answer) => {
        clearInterval(again);
        clearTimeout(limit);
        waiting.delete(branch);
        resolve(answer);
      });
      send();
    });

  let serial = 0;
  const attempt = (user, cseq, more = '') => {
    serial += 1;
    const branch = `z9hG4bKb${serial}`;
    const lines = [
      `REGISTER sip:${OVERLAY} SIP/2.0`,
      `Via: SIP/2.0/UDP ${local};branch=${branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:${user}@${OVERLAY}>;tag=t`,
      `To: <sip:${user}@${OVERLAY}>`,
      `Call-ID: bench-${user}-${socket.address().port}`,
      `CSeq: ${cseq} REGISTER`,
      `Contact: <sip:${user}@${local}>`,
      'Expires: 3600',
      ...(more === '' ? [] : [more]),
      'Content-Length: 0',
    ];
    return ask(`${lines.join('\r\n')}\r\n\r\n`, branch);
  };

  return {
    /** Until the 200, with a fresh nonce where one is stale. @throws Error for any other end */
    async register(user) {
      let answer = await attempt(user, 1);
      for (let cseq = 2; cseq < 5 && statusOf(answer) === 401; cseq++) {
        answer = await attempt(user, cseq, authorization(user, answer));
      }
      if (statusOf(answer) !== 200) throw new Error(`REGISTER of ${user}: ${answer.split('\r\n', 1)[0]}`);
    },
    close: () => socket.close(),
  };
}

function statusOf(answer) {
  return Number(answer.slice(8, 11));
}

function authorization(user, answer) {
  const nonce = /nonce="([^"]+)"/.exec(answer)[1];
  const md5 = (text) => createHash('md5').update(text).digest('hex');
  const uri = `sip:${OVERLAY}`;
  const ha1 = md5(`${user}:${OVERLAY}:${PASSWORD}`);
  const response = md5(`${ha1}:${nonce}:00000001:cafe:auth:${md5(`REGISTER:${uri}`)}`);
  return (
    `Authorization: Digest username="${user}", realm="${OVERLAY}", nonce="${nonce}", uri="${uri}", ` +
    `response="${response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="cafe"`
  );
}

async function concurrently(limit, items, work) {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function summary(runs) {
  const median = (name) =>
    runs.map((run) => run[name]).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)];
  return Object.fromEntries(['perSecond', 'cpuMs', 'steal', 'wave'].map((name) => [name, median(name)]));
}
