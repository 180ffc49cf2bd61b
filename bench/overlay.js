// The overlay's own figures: what a message costs, and how long a Store and a Fetch take in a ring of five processes.
import { verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryKeyValueStore } from '../dist/base/key-value-store.js';
import { silentLogger } from '../dist/base/logger.js';
import { noMetrics } from '../dist/base/metrics.js';
import { SystemNetwork, systemClock, systemRandom } from '../dist/net/index.js';
import { Kind } from '../dist/reload/document/kinds.js';
import { builtInDocument } from '../dist/reload/document/overlay-document.js';
import { seal, verifyEnvelope } from '../dist/reload/forwarding/sealed-message.js';
import { toNode } from '../dist/reload/messages/destination.js';
import { decodeHeader, encodeWithHeader, WHOLE_MESSAGE } from '../dist/reload/messages/forwarding-header.js';
import { decodeEnvelope, decodeMessage, encodeContents } from '../dist/reload/messages/message.js';
import { ping } from '../dist/reload/messages/ping.js';
import { signerIdentity } from '../dist/reload/messages/signature.js';
import { ReloadNode } from '../dist/reload/node/reload-node.js';
import { CertificateStore } from '../dist/reload/security/certificate-store.js';
import { createSelfSignedIdentity } from '../dist/reload/security/identity.js';
import { SelfSignedTrust } from '../dist/reload/security/trust-policy.js';
import { userResource } from '../dist/reload/storage/access-policy.js';
import { sipRegistration } from '../dist/reload/usages/sip/sip-registration.js';
import { encodeWhole } from '../dist/reload/wire/codec.js';
import { watch } from './cpu.js';
import { startOverlay, stopGateway } from './gateways.js';
import { freePort } from './ports.js';

const OVERLAY = 'example.org';
const machine = { clock: systemClock, random: systemRandom };

/** Peers in the ring, this process included. */
const PEERS = 5;

/** Of a body that a Ping or a small Store has. */
const BODY_BYTES = 300;

/**
 * Messages decoded altogether, certificates and signatures left as bytes; and, in turn with node:crypto's own verify
 * over the same input, messages decoded and verified under a certificate that is known.
 */
export function messageCosts({ timeMs }) {
  return { decode: decodeCost(timeMs), verify: ['ec', 'rsa'].map((keyType) => verifyCost(keyType, timeMs)) };
}

/** Each frame of the fixtures in turn: all methods, errors, options and extensions. */
function decodeCost(timeMs) {
  const fixture = new URL('../test/fixtures/reload-frames/messages.hex', import.meta.url);
  const lines = readFileSync(fixture, 'utf8').split('\n');
  const frames = lines
    .filter((line) => /^[0-9a-f]/.test(line))
    .map((line) => Buffer.from(line.split(' ')[0], 'hex'));
  const { kinds } = builtInDocument(OVERLAY);
  const decodeAll = () => {
    for (const frame of frames) decodeMessage(frame, { kinds });
  };
  perSecond(decodeAll, timeMs / 4);
  const rates = Array.from({ length: 10 }, () => frames.length * perSecond(decodeAll, timeMs / 10));
  return { perSecond: Math.round(median(rates)), aim: 150_000, frames: frames.length };
}

function verifyCost(keyType, timeMs) {
  const { signer, nodeId } = createSelfSignedIdentity(machine, { overlay: OVERLAY, keyType });
  const message = signedPing(signer, nodeId);
  const certificates = new CertificateStore({ clock: systemClock, trust: trust() });
  const ours = () => verifyEnvelope(decodeEnvelope(message, decodeHeader(message)), certificates);

  const { header, contentsBytes, security } = decodeEnvelope(message, decodeHeader(message));
  const head = Buffer.alloc(12);
  head.writeUInt32BE(header.overlay, 0);
  head.writeBigUInt64BE(header.transactionId, 4);
  const input = Buffer.concat([
    head,
    contentsBytes,
    encodeWhole(signerIdentity, security.signature.identity),
  ]);
  const key = signer.certificate.publicKey;
  const theirs = () => {
    if (!verify('sha256', input, key, security.signature.value)) throw new Error('not what was signed');
  };

  perSecond(ours, timeMs / 8);
  perSecond(theirs, timeMs / 8);
  // Short turns: what else the machine does then hits both alike.
  const turns = Array.from({ length: 40 }, () => [
    perSecond(ours, timeMs / 40),
    perSecond(theirs, timeMs / 40),
  ]);
  return {
    keyType,
    perSecond: Math.round(median(turns.map(([own]) => own))),
    cryptoPerSecond: Math.round(median(turns.map(([, crypto]) => crypto))),
    ratio: median(turns.map(([own, crypto]) => own / crypto)),
    aim: keyType === 'ec' ? 0.8 : undefined,
  };
}

function signedPing(signer, nodeId) {
  const { overlayHash, sequence, initialTtl } = builtInDocument(OVERLAY);
  const contents = encodeContents(ping.requestCode, ping.request, { padding: new Uint8Array(BODY_BYTES) });
  const transactionId = 0x0123456789abcdefn;
  const { security } = seal(contents, { overlayHash, transactionId, signer });
  const header = {
    overlay: overlayHash,
    configurationSequence: sequence,
    ttl: initialTtl,
    fragment: WHOLE_MESSAGE,
    transactionId,
    maxResponseLength: 0,
    viaList: [],
    destinationList: [toNode(nodeId)],
    options: [],
  };
  return encodeWithHeader(header, contents, security);
}

/**
 * Stores and Fetches of this process, one after the other, of resources that the other peers own: four gateways of
 * their own processes, each with its store on disk, over TLS on loopback. Milliseconds from the call to the verified
 * answer; CPU of all five processes, replicas included.
 */
export async function overlayLatencies({ rounds, count, report }) {
  const others = await startOverlay(Array(PEERS - 1).fill('off'));
  const identity = createSelfSignedIdentity(machine, { overlay: OVERLAY });
  const node = await joinedNode(identity, others[0].link);
  try {
    const records = recordsOfOthers(node, identity, count);
    // The others are children of this process, and count with it.
    const pids = [process.pid];
    const work = {
      store: (record) => storeRecord(node, record),
      fetch: (record) => fetchRecord(node, record),
    };
    // The first round warms all of them up.
    for (const one of Object.values(work)) await round(one, records, pids);
    const runs = { store: [], fetch: [] };
    for (let i = 0; i < rounds; i++) {
      for (const [name, one] of Object.entries(work)) runs[name].push(await round(one, records, pids));
      report(`  p50: Store ${runs.store[i].p50.toFixed(2)} ms, Fetch ${runs.fetch[i].p50.toFixed(2)} ms`);
    }
    const aims = { store: 5, fetch: 2.5 };
    const [store, fetch] = Object.keys(work).map((name) => ({ ...summary(runs[name]), aim: aims[name] }));
    return { peers: PEERS, count, store, fetch };
  } finally {
    await node.stop();
    await Promise.all(others.map(stopGateway));
  }
}

async function round(work, records, pids) {
  const stop = watch(pids);
  const times = [];
  for (const record of records) times.push(await timed(() => work(record)));
  // Replicas are stored behind the answer.
  await sleep(300);
  const { cpu, steal } = stop();
  return { ...quantiles(times), cpuMs: (1000 * cpu) / records.length, steal };
}

function summary(runs) {
  const of = (name) => runs.map((run) => run[name]);
  return {
    ...Object.fromEntries(['p50', 'p99', 'cpuMs', 'steal'].map((name) => [name, median(of(name))])),
    least: Math.min(...of('p50')),
    most: Math.max(...of('p50')),
  };
}

async function joinedNode(identity, bootstrapPort) {
  const node = new ReloadNode(
    {
      ...machine,
      network: new SystemNetwork(),
      kv: new MemoryKeyValueStore(),
      logger: silentLogger,
      metrics: noMetrics,
    },
    {
      document: builtInDocument(OVERLAY),
      identity,
      trust: trust(),
      listen: [{ host: '127.0.0.1', port: await freePort() }],
      bootstrap: [{ host: '127.0.0.1', port: bootstrapPort }],
    },
  );
  await node.start();
  for (let attempt = 0; node.ring().successors.length < PEERS - 2; attempt++) {
    if (attempt === 100) throw new Error('the ring does not settle');
    await sleep(100);
  }
  return node;
}

/** Registrations of users whose records others keep, each with its certificate ready. */
function recordsOfOthers(node, identity, count) {
  const records = [];
  const destinationList = [toNode(node.nodeId)];
  const value = encodeWhole(sipRegistration, { type: 'route', contactPrefs: '', destinationList });
  for (let i = 0; records.length < count; i++) {
    const aor = `bench${i}@${OVERLAY}`;
    const resource = userResource(aor);
    if (node.isResponsible(resource)) continue;
    records.push({ resource, value, signer: identity.registration(aor) });
  }
  return records;
}

function storeRecord(node, { resource, value, signer }) {
  const entry = { key: node.nodeId, exists: true, value, lifetimeS: 3600, storageTime: Date.now() };
  return node.store(resource, [{ kind: Kind.SIP_REGISTRATION, values: [entry] }], { signer });
}

async function fetchRecord(node, { resource }) {
  const [found] = await node.fetch(resource, [{ kind: Kind.SIP_REGISTRATION }]);
  if (found?.values.length !== 1) throw new Error(`the record at ${resource} is gone`);
}

function trust() {
  return new SelfSignedTrust({ overlay: OVERLAY, digest: 'sha256', admission: { kind: 'loopback' } });
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/**
 * How often `work` runs in a second of this process's CPU time, from about `timeMs` of it: what other processes take
 * from the core meanwhile does not count, collections of garbage do.
 */
function perSecond(work, timeMs) {
  const began = process.cpuUsage();
  let runs = 0;
  let elapsedMs;
  do {
    for (let i = 0; i < 8; i++) work();
    runs += 8;
    const { user, system } = process.cpuUsage(began);
    elapsedMs = (user + system) / 1000;
  } while (elapsedMs < timeMs);
  return (1000 * runs) / elapsedMs;
}

function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { p50: at(0.5), p99: at(0.99) };
}

function median(values) {
  return quantiles(values).p50;
}
