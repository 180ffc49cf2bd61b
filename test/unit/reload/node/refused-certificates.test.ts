import test, { type ExecutionContext } from 'ava';
import { type Logger, silentLogger } from '../../../../src/base/index.ts';
import { trustOfDocument } from '../../../../src/reload/document/document-trust.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { buildSelfSignedCertificate } from '../../../../src/reload/security/certificate-builder.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { KeyIdentity } from '../../../../src/reload/security/key-identity.ts';
import { formatNodeUri } from '../../../../src/reload/security/reload-uri.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { Authority } from '../document/support.ts';
import { BareNode } from './bare-node.ts';
import { DocumentedOverlay } from './documented-overlay.ts';

const HOUR_MS = 3_600_000;
const BAD_NODE = 'bad0'.repeat(8);

/** Two peers of an enrolled overlay, one bad node, and what the first of them counts and logs. */
async function enrolledPair(seed: number) {
  const overlay = new DocumentedOverlay(seed);
  const authority = new Authority();
  const names = { overlay: overlay.document.name };
  const administrator = authority.enroll(names);
  const changes: Partial<OverlayDocument> = {
    selfSignedPermitted: undefined,
    rootCertificates: [authority.root],
    configurationSigners: new Set([administrator.nodeId]),
    kindSigners: new Set([administrator.nodeId]),
    badNodes: new Set([BAD_NODE]),
  };
  const document = overlay.read(overlay.bytes(1, changes, administrator));
  const metrics = new CountingMetrics();
  const log: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (text, fields) => log.push(`${text} ${JSON.stringify(fields)}`),
  };
  for (let i = 0; i < 2; i++) {
    const identity = authority.enroll(names);
    await overlay.start(overlay.makeWith(document, { identity, ...(i === 0 && { metrics, logger }) }));
  }
  await overlay.clock.advance(3_000);
  const refusals = (direction: 'in' | 'out', reason: string) =>
    metrics.value('reload_link_handshakes_failed_total', { direction, reason });
  return { overlay, authority, names, document, refusals, log };
}

type Pair = Awaited<ReturnType<typeof enrolledPair>>;

/** A stranger who trusts everybody opens a link to the first peer. */
async function strangerCalls({ overlay, document }: Pair, identity: Identity): Promise<BareNode> {
  const bootstrap = [overlay.addressOf(overlay.peers[0]!)];
  const node = new BareNode(overlay, '10.9.0.1', {
    identity,
    bootstrap,
    document,
    trust: () => ({ check() {} }),
  });
  await node.connect();
  await overlay.clock.advance(1_000);
  return node;
}

function isOut(t: ExecutionContext, { overlay }: Pair, identity: Identity): void {
  const [peer] = overlay.peers;
  t.false(peer!.node.ring().links.some(({ nodeId }) => nodeId === identity.nodeId));
}

const STRANGERS: [what: string, code: string, why: RegExp, enroll: (pair: Pair) => Identity][] = [
  [
    'a certificate of another CA',
    'certificate-untrusted',
    /issued by no root-cert of the overlay/,
    ({ names }) => new Authority().enroll(names),
  ],
  [
    'one of another CA with the same name',
    'certificate-untrusted',
    /issued by no root-cert of the overlay/,
    ({ names, authority }) => new Authority(authority.issuer.name).enroll(names),
  ],
  [
    'an expired one',
    'certificate-expired',
    /is valid until .*, our clock is \d+ s after that: check the clocks/,
    ({ names, authority, overlay }) =>
      authority.enroll({ ...names, notAfter: overlay.clock.now() - HOUR_MS }),
  ],
  [
    'one that is not valid yet',
    'certificate-not-yet-valid',
    /is valid from .*, our clock is \d+ s before that: check the clocks/,
    ({ names, authority, overlay }) =>
      authority.enroll({ ...names, notBefore: overlay.clock.now() + HOUR_MS }),
  ],
  [
    'one of a bad-node',
    'certificate-revoked',
    /Node-ID (bad0){8} is a bad-node/,
    ({ names, authority }) => authority.enroll({ ...names, nodeId: BAD_NODE }),
  ],
  [
    'one of another overlay',
    'certificate-foreign',
    /is for overlay other.example.org/,
    ({ authority }) => authority.enroll({ overlay: 'other.example.org' }),
  ],
];

for (const [i, [what, code, why, enroll]] of STRANGERS.entries()) {
  test(`B31 B13: a node with ${what} is refused at the link, counted, and the log says why`, async (t) => {
    const pair = await enrolledPair(121 + i);
    const identity = enroll(pair);
    const stranger = await strangerCalls(pair, identity);
    isOut(t, pair, identity);
    t.is(pair.refusals('in', code), 1);
    const line = pair.log.find((text) => text.startsWith('a link was refused')) ?? '';
    t.regex(line, /"direction":"in","host":"10\.9\.0\.1"/);
    t.true(line.includes(`"code":"${code}"`), line);
    t.regex(line, why);
    await stranger.stop();
    await pair.overlay.stopAll();
  });
}

test('B13: a node whose certificate is not the one of the Node-ID that it Attached with is refused and counted', async (t) => {
  const pair = await enrolledPair(131);
  const { overlay, authority, names, document } = pair;
  const [first, second] = overlay.peers;
  // It says that it is to be reached where another node listens.
  const identity = authority.enroll(names);
  const node = new BareNode(overlay, '10.9.0.2', {
    ...{
      identity,
      document,
      bootstrap: [overlay.addressOf(first!)],
      advertise: [overlay.addressOf(second!)],
    },
    trust: () => trustOfDocument(overlay, document),
  });
  await node.connect();
  const { signal } = new AbortController();
  const attaching = node.connectivity.attacher.attach([toNode(first!.node.nodeId)], {
    firstHop: first!.node.nodeId,
    signal,
  });
  attaching.catch(() => {});
  await overlay.clock.advance(5_000);
  t.is(pair.refusals('out', 'unexpected-peer'), 1);
  const line = pair.log.find((text) => text.startsWith('a link was refused')) ?? '';
  t.true(line.includes(`expected node ${identity.nodeId}, met ${second!.node.nodeId}`), line);
  await node.stop();
  await overlay.stopAll();
});

test('A3 B13: in a self-signed overlay a Node-ID that is not the digest of the key is refused and counted', async (t) => {
  const overlay = new DocumentedOverlay(132);
  const metrics = new CountingMetrics();
  const document = overlay.read(overlay.bytes(1));
  await overlay.start(overlay.makeWith(document, { metrics }));
  await overlay.start(overlay.makeWith(document));
  await overlay.clock.advance(3_000);
  const own = overlay.newIdentity(overlay.randomOf('10.9.0.3'));
  const [, victim] = overlay.peers;
  const { notBefore, notAfter, spki } = own.certificate;
  const der = buildSelfSignedCertificate(
    {
      ...{ spki, notBefore, notAfter, serial: Uint8Array.of(9), userName: own.userName },
      nodeUris: [formatNodeUri(victim!.node.nodeId, document.name)],
    },
    own.privateKey,
  );
  const thief = new KeyIdentity({
    nodeId: victim!.node.nodeId,
    certificate: Certificate.parse(der),
    privateKey: own.privateKey,
  });
  const node = new BareNode(overlay, '10.9.0.3', {
    ...{ document, bootstrap: [overlay.addressOf(overlay.peers[0]!)], trust: () => ({ check() {} }) },
    identity: Object.assign(thief, { registration: own.registration }),
  });
  await node.connect();
  await overlay.clock.advance(1_000);
  const labels = { direction: 'in', reason: 'certificate-node-id-mismatch' };
  t.is(metrics.value('reload_link_handshakes_failed_total', labels), 1);
  await node.stop();
  await overlay.stopAll();
});
