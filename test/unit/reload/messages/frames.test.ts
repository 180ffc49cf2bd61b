import { createHash, verify, X509Certificate } from 'node:crypto';
import test from 'ava';
import { concatBytes, fromHex } from '../../../../src/base/index.ts';
import { chordLeaveData, chordRouteQueryAns, chordUpdate } from '../../../../src/reload/messages/chord.ts';
import { unknownKindsInfo } from '../../../../src/reload/messages/error-response.ts';
import { fetch } from '../../../../src/reload/messages/fetch.ts';
import { decodeHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { decodeEnvelope, decodeMessage, encodeMessage } from '../../../../src/reload/messages/message.ts';
import { messageName } from '../../../../src/reload/messages/methods.ts';
import type { Signature } from '../../../../src/reload/messages/signature.ts';
import { signerIdentity } from '../../../../src/reload/messages/signature.ts';
import { store, storeAns } from '../../../../src/reload/messages/store.ts';
import { type StoredData, storedDataValue } from '../../../../src/reload/messages/stored-data.ts';
import { sipRegistration } from '../../../../src/reload/usages/sip/sip-registration.ts';
import { decodeWhole, encodeWhole } from '../../../../src/reload/wire/codec.ts';
import { DecodeError } from '../../../../src/reload/wire/decode-error.ts';
import { overlayHashOf, resourceIdOfBytes } from '../../../../src/reload/wire/ids.ts';
import { frame, frameKinds, frames } from '../../../support/reload-frames.ts';

const SIGNER = '0123456789abcdef0123456789abcdef';
const STORAGE_TIME = 1_700_000_000_000;
const ALICE = resourceIdOfBytes(Buffer.from('sip:alice@overlay.example.org'));

const node = (n: number) => Buffer.alloc(16, n).toString('hex');
const ascii = (text: string) => Buffer.from(text, 'latin1');

function bodyOf(name: string): unknown {
  return decodeMessage(frame(name).bytes, { kinds: frameKinds }).body;
}

/** A copy in which byte strings are hex, so that views compare by content. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** Removes what cannot be known beforehand: signatures. */
function unsigned(stored: StoredData) {
  const { storageTime, lifetime, value } = stored;
  return plain({ storageTime, lifetime, value });
}

test('all 49 frames are there', (t) => {
  t.is(frames.length, 49);
});

for (const { name, bytes } of frames) {
  test(`frame ${name}: decodes, and re-encodes byte for byte`, (t) => {
    const message = decodeMessage(bytes, { kinds: frameKinds });
    t.deepEqual(Buffer.from(encodeMessage(message)), bytes);
  });

  test(`frame ${name}: B5 has the header that the fixtures describe`, (t) => {
    const header = decodeHeader(bytes);
    t.is(header.overlay, overlayHashOf('overlay.example.org'));
    t.is(header.configurationSequence, 22);
    t.is(header.version, 0x0a);
    t.is(header.ttl, 100);
    t.is(header.fragment, 0xc0000000);
    t.is(header.length, bytes.length);
    t.is(header.transactionId, 0x1000_0000_0000_0000n + BigInt(frames.findIndex((f) => f.name === name)));
    t.is(header.maxResponseLength, 0);
    if (!name.startsWith('Hdr')) {
      t.deepEqual(header.viaList, []);
      t.deepEqual(header.destinationList, [{ type: 'node', nodeId: node(1) }]);
      t.deepEqual(header.options, []);
    }
  });

  test(`frame ${name}: B9 its message signature verifies`, (t) => {
    const envelope = decodeEnvelope(bytes, decodeHeader(bytes));
    const { certificates, signature } = envelope.security;
    t.is(certificates.length, 1);
    const head = bytes.subarray(4, 8);
    const transactionId = bytes.subarray(20, 28);
    t.true(verifies(signature, certificates[0]!, head, transactionId, envelope.contentsBytes));
  });

  test(`frame ${name}: each strict prefix fails cleanly`, (t) => {
    for (let length = 0; length < bytes.length; length++) {
      const error = t.throws(() => decodeMessage(bytes.subarray(0, length), { kinds: frameKinds }), {
        instanceOf: DecodeError,
      });
      if (error === undefined || error.offset > length) t.fail(`prefix of ${length}: ${error?.message}`);
    }
  });
}

function verifies(signature: Signature, der: Uint8Array, ...parts: Uint8Array[]): boolean {
  const { algorithm, identity, value } = signature;
  if (algorithm.hash !== 4 || algorithm.signature !== 1 || identity.type !== 'certHash') return false;
  if (identity.certificateHash !== createHash('sha256').update(der).digest('hex')) return false;
  const input = concatBytes(...parts, encodeWhole(signerIdentity, identity));
  return verify('sha256', input, new X509Certificate(Buffer.from(der)).publicKey, value);
}

test('T12: the signatures of the stored values verify without the length octet of the resource', (t) => {
  let checked = 0;
  const check = (name: string, resource: string, kind: number, values: readonly StoredData[]) => {
    const { certificates } = decodeMessage(frame(name).bytes, { kinds: frameKinds }).security;
    for (const stored of values) {
      const head = Buffer.alloc(12);
      head.writeUInt32BE(kind, 0);
      head.writeBigUInt64BE(BigInt(stored.storageTime), 4);
      const value = encodeWhole(storedDataValue, stored.value);
      t.true(
        verifies(stored.signature, certificates[0]!, fromHex(resource)!, head, value),
        `${name} ${kind}`,
      );
      checked++;
    }
  };
  for (const name of ['StoreReqSip', 'StoreReqSipUri', 'StoreReqSipRemove', 'StoreReqMulti']) {
    const body = decodeWhole(store.request, contentsOf(name), frameKinds);
    for (const { kind, values } of body.kindData) check(name, body.resource, kind, values);
  }
  const answer = decodeWhole(fetch.answer, contentsOf('FetchAns'), frameKinds);
  for (const { kind, values } of answer.kindResponses) check('FetchAns', ALICE, kind, values);
  t.true(checked >= 6);
});

function contentsOf(name: string): Uint8Array {
  const { bytes } = frame(name);
  return decodeEnvelope(bytes, decodeHeader(bytes)).contents.body;
}

const host = (address: string, port: number, overlayLink: number) => ({
  address: { type: 'ip', host: address, port },
  overlayLink,
  foundation: '1',
  priority: 2130706431,
  candidate: { type: 'host' },
  extensions: [],
});

const iceCandidates = [
  host('192.0.2.1', 6084, 1),
  host('2001:db8::1', 6084, 1),
  {
    ...host('198.51.100.7', 40000, 1),
    candidate: { type: 'srflx', relatedAddress: { type: 'ip', host: '192.0.2.1', port: 6084 } },
  },
];

const route = {
  type: 'route',
  contactPrefs: 'audio',
  destinationList: [{ type: 'node', nodeId: SIGNER }],
} as const;

const routeValue = {
  model: 'DICTIONARY',
  key: SIGNER,
  exists: true,
  value: plain(encodeWhole(sipRegistration, route)),
};

const requestedKinds = [
  { kind: 1, generation: 0, model: 'DICTIONARY', keys: [SIGNER] },
  { kind: 3, generation: 3, model: 'ARRAY', indices: [{ first: 0, last: 0xffffffff }] },
  { kind: 2, generation: 0, model: 'SINGLE' },
];

/** What the fixtures hold, by name; errors and Chord structures are checked below. */
const expected: Readonly<Record<string, unknown>> = {
  ProbeReq: { requestedInfo: [1, 2, 3] },
  ProbeAns: {
    probeInfo: [
      { type: 'responsibleSet', responsiblePpb: 250_000_000 },
      { type: 'numResources', numResources: 7 },
      { type: 'uptime', uptime: 3600 },
    ],
  },
  AttachReqNoIce: {
    ufrag: '',
    password: '',
    role: 'passive',
    candidates: [host('192.0.2.1', 6084, 4)],
    sendUpdate: false,
  },
  AppAttachAns: {
    ufrag: 'efgh',
    password: 'abcdefghijklmnopqrstuv',
    application: 5061,
    role: 'active',
    candidates: [host('192.0.2.1', 6084, 1)],
  },
  StoreAns: {
    kindResponses: [
      { kind: 1, generation: 1, replicas: [node(1), node(2)] },
      { kind: 2, generation: 9, replicas: [] },
    ],
  },
  FetchReq: { resource: ALICE, specifiers: requestedKinds },
  FetchReqWild: {
    resource: ALICE,
    specifiers: [{ kind: 1, generation: 0, model: 'DICTIONARY', keys: [] }],
  },
  StatReq: { resource: ALICE, specifiers: requestedKinds },
  FindReq: { resource: ALICE, kinds: [1, 2] },
  FindAns: {
    results: [
      { kind: 1, closest: ALICE },
      { kind: 2, closest: resourceIdOfBytes(fromHex(SIGNER)!) },
    ],
  },
  JoinReq: { joiningPeerId: SIGNER, overlayData: '' },
  JoinAns: { overlayData: '' },
  LeaveReqNoData: { leavingPeerId: SIGNER, overlayData: '' },
  LeaveAns: {},
  UpdateAns: {},
  RouteQueryReq: { sendUpdate: true, destination: { type: 'node', nodeId: node(1) }, overlayData: '' },
  RouteQueryReqRes: {
    sendUpdate: false,
    destination: { type: 'resource', resourceId: ALICE },
    overlayData: '',
  },
  PingReq: { padding: '' },
  PingReqPad: { padding: '00'.repeat(20) },
  PingAns: { responseId: 0x1122334455667788n, time: STORAGE_TIME },
  ConfigUpdateAns: {},
};

for (const [name, body] of Object.entries(expected)) {
  test(`frame ${name}: holds what the fixtures describe`, (t) => {
    t.deepEqual(plain(bodyOf(name)), body);
  });
}

test('B12: Attach and AppAttach frames carry ICE parameters and candidates of all three types', (t) => {
  for (const [name, ufrag, password, role] of [
    ['AttachReq', 'abcd', '0123456789012345678901', 'passive'],
    ['AttachAns', 'efgh', 'abcdefghijklmnopqrstuv', 'active'],
    ['AppAttachReq', 'abcd', '0123456789012345678901', 'passive'],
  ] as const) {
    const body = bodyOf(name) as { candidates: readonly object[] };
    t.like(body, { ufrag, password, role });
    t.deepEqual(plain(body.candidates.slice(0, 3)), iceCandidates);
    t.like(body.candidates[3], {
      address: { host: '203.0.113.5', port: 50000 },
      candidate: { type: 'relay' },
    });
  }
  t.like(bodyOf('AttachReq'), { sendUpdate: true });
  t.like(bodyOf('AppAttachReq'), { application: 5060 });
});

test('S1: the SIP-REGISTRATION stores are a route, a URI and a removal', (t) => {
  const values = ['StoreReqSip', 'StoreReqSipUri', 'StoreReqSipRemove'].map((name) => {
    const body = decodeWhole(store.request, contentsOf(name), frameKinds);
    t.is(body.resource, ALICE);
    t.is(body.replicaNumber, 0);
    const [kindData] = body.kindData;
    t.is(kindData?.kind, 1);
    return { generation: kindData?.generation, stored: unsigned(kindData!.values[0]!) };
  });
  const uri = plain(encodeWhole(sipRegistration, { type: 'uri', uri: 'sip:alice@dht.example.com' }));
  t.deepEqual(values, [
    { generation: 0, stored: { storageTime: STORAGE_TIME, lifetime: 3600, value: routeValue } },
    {
      generation: 5,
      stored: { storageTime: STORAGE_TIME, lifetime: 3600, value: { ...routeValue, value: uri } },
    },
    {
      generation: 6,
      stored: {
        storageTime: STORAGE_TIME,
        lifetime: 3600,
        value: { ...routeValue, exists: false, value: '' },
      },
    },
  ]);
});

test('B19: one Store with values of the single and the array model', (t) => {
  const body = decodeWhole(store.request, contentsOf('StoreReqMulti'), frameKinds);
  t.is(body.resource, resourceIdOfBytes(fromHex(SIGNER)!));
  t.is(body.replicaNumber, 2);
  t.deepEqual(
    body.kindData.map(({ kind, values }) => [kind, values.map(({ value }) => value.model)]),
    [
      [2, ['SINGLE']],
      [3, ['ARRAY']],
      [16, ['ARRAY']],
    ],
  );
  // §8: the certificate itself is the value.
  const { security } = decodeMessage(frame('StoreReqMulti').bytes, { kinds: frameKinds });
  t.deepEqual(body.kindData[1]?.values[0]?.value.value, security.certificates[0]);
});

test('B23: Fetch and Stat answers', (t) => {
  const fetched = decodeWhole(fetch.answer, contentsOf('FetchAns'), frameKinds);
  t.like(fetched.kindResponses[0], { kind: 1, generation: 1 });
  t.deepEqual(unsigned(fetched.kindResponses[0]!.values[0]!), {
    storageTime: STORAGE_TIME,
    lifetime: 3600,
    value: routeValue,
  });
  const { kindResponses } = bodyOf('StatAns') as { kindResponses: readonly Record<string, unknown>[] };
  const valueBytes = fetched.kindResponses[0]!.values[0]!.value.value;
  t.deepEqual(plain(kindResponses[0]), {
    kind: 1,
    generation: 1,
    values: [
      {
        storageTime: STORAGE_TIME,
        lifetime: 3600,
        metadata: {
          model: 'DICTIONARY',
          key: SIGNER,
          exists: true,
          valueLength: 30,
          hashAlgorithm: 4,
          // NOTE: that implementation digests the value alone; §7.4.3.2 includes its four length bytes, and so do we.
          hashValue: createHash('sha256').update(valueBytes).digest('hex'),
        },
      },
    ],
  });
});

test('B30: the Chord structures inside Update, RouteQuery and Leave', (t) => {
  const update = (name: string) =>
    decodeWhole(chordUpdate, (bodyOf(name) as { overlayData: Uint8Array }).overlayData);
  const predecessors = [node(1), node(2), node(3)];
  const successors = [node(4), node(5), node(6)];
  t.deepEqual(update('UpdateReady'), { uptime: 1, update: { type: 'peerReady' } });
  t.deepEqual(update('UpdateNeighbors'), {
    uptime: 60,
    update: { type: 'neighbors', predecessors, successors },
  });
  const fingers = [7, 8, 9, 10, 11].map(node);
  t.deepEqual(update('UpdateFull'), {
    uptime: 61,
    update: { type: 'full', predecessors, successors, fingers },
  });
  const query = bodyOf('RouteQueryAns') as { overlayData: Uint8Array };
  t.deepEqual(decodeWhole(chordRouteQueryAns, query.overlayData), { nextPeer: node(5) });
  const leave = bodyOf('LeaveReq') as { leavingPeerId: string; overlayData: Uint8Array };
  t.is(leave.leavingPeerId, SIGNER);
  t.deepEqual(decodeWhole(chordLeaveData, leave.overlayData), {
    type: 'fromSucc',
    successors: [node(1), node(2), node(3)],
  });
});

test('B14: ConfigUpdate carries a document or kind blocks', (t) => {
  const config = bodyOf('ConfigUpdateReq') as { type: string; configData: Uint8Array };
  t.is(config.type, 'config');
  t.regex(Buffer.from(config.configData).toString('utf8'), /^<\?xml .*sequence="22".*<\/overlay>$/s);
  const kind = bodyOf('ConfigUpdateReqKind') as { type: string; kinds: readonly string[] };
  t.is(kind.type, 'kind');
  t.is(kind.kinds.length, 1);
  t.regex(kind.kinds[0]!, /^<kind-block .*id="2000".*<\/kind-block>$/s);
});

test('B8: error answers have code 0xFFFF, the error code and its info', (t) => {
  const message = decodeMessage(frame('ErrNotFound').bytes, { kinds: frameKinds });
  t.is(message.code, 0xffff);
  t.is(messageName(message.code), 'error');
  const errors = ['ErrNotFound', 'ErrForbiddenEmpty', 'ErrGenTooLow', 'ErrUnknownKind', 'ErrInvalidMessage'];
  const bodies = errors.map((name) => bodyOf(name) as { errorCode: number; errorInfo: Uint8Array });
  t.deepEqual(
    bodies.map(({ errorCode }) => errorCode),
    [0x3, 0x2, 0x5, 0xc, 0x14],
  );
  t.is(Buffer.from(bodies[0]!.errorInfo).toString('utf8'), 'no such resource');
  t.deepEqual(decodeWhole(storeAns, bodies[2]!.errorInfo), {
    kindResponses: [{ kind: 1, generation: 7, replicas: [] }],
  });
  t.deepEqual(decodeWhole(unknownKindsInfo, bodies[3]!.errorInfo), { unknownKinds: [2000] });
});

test('B3: every form of destination in either list', (t) => {
  const lists = (name: string) => {
    const { viaList, destinationList } = decodeHeader(frame(name).bytes);
    return plain({ viaList, destinationList });
  };
  const toNode = (n: number) => ({ type: 'node', nodeId: node(n) });
  const compressed = { type: 'compressed', value: 0x8005 };
  t.deepEqual(lists('HdrResourceDest'), {
    viaList: [],
    destinationList: [{ type: 'resource', resourceId: ALICE }],
  });
  t.deepEqual(lists('HdrOpaqueDest'), {
    viaList: [],
    destinationList: [{ type: 'opaque', bytes: '010203' }],
  });
  t.deepEqual(lists('HdrCompactFirst'), { viaList: [compressed, toNode(2)], destinationList: [toNode(1)] });
  t.deepEqual(lists('HdrCompactSecond'), { viaList: [toNode(2), compressed], destinationList: [toNode(1)] });
  t.deepEqual(lists('HdrViaAndDests'), {
    viaList: [toNode(1), toNode(2)],
    destinationList: [toNode(3), toNode(4)],
  });
});

test('B7, B8: forwarding options and extensions are kept as they came', (t) => {
  t.deepEqual(decodeHeader(frame('HdrOption').bytes).options, [
    { type: 0x42, flags: 4, value: ascii('hello') },
  ]);
  const { extensions } = decodeMessage(frame('HdrExtension').bytes, { kinds: frameKinds });
  t.deepEqual(extensions, [{ type: 0x1234, critical: false, contents: ascii('abc') }]);
});
