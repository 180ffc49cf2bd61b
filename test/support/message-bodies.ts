import fc from 'fast-check';
import { builtInKinds } from '../../src/reload/document/kinds.ts';
import { appAttach } from '../../src/reload/messages/app-attach.ts';
import { attach } from '../../src/reload/messages/attach.ts';
import { chordLeaveData, chordRouteQueryAns, chordUpdate } from '../../src/reload/messages/chord.ts';
import { configUpdate } from '../../src/reload/messages/config-update.ts';
import type { StoredDataSpecifier } from '../../src/reload/messages/data-specifier.ts';
import type { Destination } from '../../src/reload/messages/destination.ts';
import { fetch } from '../../src/reload/messages/fetch.ts';
import { find } from '../../src/reload/messages/find.ts';
import type { IceCandidate } from '../../src/reload/messages/ice-candidate.ts';
import { ipAddressPort } from '../../src/reload/messages/ip-address-port.ts';
import { join } from '../../src/reload/messages/join.ts';
import { leave } from '../../src/reload/messages/leave.ts';
import { decodeMessage } from '../../src/reload/messages/message.ts';
import type { Method } from '../../src/reload/messages/method.ts';
import { ping } from '../../src/reload/messages/ping.ts';
import { probe } from '../../src/reload/messages/probe.ts';
import { routeQuery } from '../../src/reload/messages/route-query.ts';
import { NO_SIGNATURE, type Signature } from '../../src/reload/messages/signature.ts';
import { stat } from '../../src/reload/messages/stat.ts';
import { store } from '../../src/reload/messages/store.ts';
import type { DataValue, StoredData, StoredDataValue } from '../../src/reload/messages/stored-data.ts';
import { update } from '../../src/reload/messages/update.ts';
import { sipRegistration } from '../../src/reload/usages/sip/sip-registration.ts';
import { encodeWhole } from '../../src/reload/wire/codec.ts';
import { frame, frameKinds } from './reload-frames.ts';

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'));

const id = hex(16);
const ids = fc.array(id, { maxLength: 5 });
const bytes = fc.uint8Array({ maxLength: 40 });
const seconds = fc.nat(0xffffffff);
const token = fc.stringMatching(/^[a-z0-9]{1,20}$/);
const generation = fc.nat(1_000_000);
const storageTime = fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 });
const nothing = fc.constant({});

const destination: fc.Arbitrary<Destination> = fc.oneof(
  id.map((nodeId) => ({ type: 'node' as const, nodeId })),
  id.map((resourceId) => ({ type: 'resource' as const, resourceId })),
);

const address = fc
  .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => ({
    type: 'ip' as const,
    host: host.includes(':') ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host,
    port,
  }));

const candidate: fc.Arbitrary<IceCandidate> = fc.record({
  address,
  overlayLink: fc.constantFrom(1, 3, 4),
  foundation: token,
  priority: fc.nat(),
  candidate: fc.oneof(
    fc.constant({ type: 'host' as const }),
    address.map((relatedAddress) => ({ type: 'srflx' as const, relatedAddress })),
    address.map((relatedAddress) => ({ type: 'relay' as const, relatedAddress })),
  ),
  extensions: fc.array(fc.record({ name: bytes, value: bytes }), { maxLength: 2 }),
});

const ice = {
  ufrag: token,
  password: token,
  role: fc.constantFrom('passive', 'active'),
  candidates: fc.array(candidate, { maxLength: 4 }),
};

const signature: fc.Arbitrary<Signature> = fc.oneof(
  fc.constant(NO_SIGNATURE),
  fc.record({
    algorithm: fc.record({ hash: fc.constant(4), signature: fc.constantFrom(1, 3) }),
    identity: fc.record({
      type: fc.constantFrom('certHash' as const, 'certHashNodeId' as const),
      hashAlgorithm: fc.constant(4),
      certificateHash: hex(32),
    }),
    value: bytes,
  }),
);

const certificate = decodeMessage(frame('PingReq').bytes, { kinds: frameKinds }).security.certificates[0]!;

/** What the Kinds' own specifications put into a value: other programs look into it. */
const contentsOf: Readonly<Record<number, fc.Arbitrary<Uint8Array>>> = {
  1: id.map((nodeId) =>
    encodeWhole(sipRegistration, {
      type: 'route',
      contactPrefs: '(sip.audio=TRUE)',
      destinationList: [{ type: 'node', nodeId }],
    }),
  ),
  // RFC 6940 §9: iteration and server_address.
  2: fc
    .tuple(fc.nat(20), address)
    .map(([iteration, server]) => Buffer.from([iteration, ...encodeWhole(ipAddressPort, server)])),
  3: fc.constant(certificate),
  16: fc.constant(certificate),
};

function dataValueOf(kind: number): fc.Arbitrary<DataValue> {
  return fc.oneof(
    contentsOf[kind]!.map((value) => ({ exists: true, value })),
    fc.constant({ exists: false, value: new Uint8Array(0) }),
  );
}

function storedValue(kind: number): fc.Arbitrary<StoredDataValue> {
  const model = builtInKinds.get(kind)!.dataModel;
  return fc.tuple(dataValueOf(kind), fc.nat(100), id).map(([value, index, key]) => {
    if (model === 'SINGLE') return { model, ...value };
    return model === 'ARRAY' ? { model, index, ...value } : { model, key, ...value };
  });
}

const kinds = fc.subarray([1, 2, 3, 16], { minLength: 1 });

function perKind<T>(each: (kind: number) => fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return kinds.chain((chosen) => fc.tuple(...chosen.map(each)));
}

const kindValues = perKind((kind) =>
  fc.record({
    kind: fc.constant(kind),
    generation,
    values: fc.array(
      fc.record({
        storageTime,
        lifetime: seconds,
        value: storedValue(kind),
        signature,
      }) as fc.Arbitrary<StoredData>,
      { maxLength: 3 },
    ),
  }),
);

const metaValues = perKind((kind) =>
  fc.record({
    kind: fc.constant(kind),
    generation,
    values: fc.array(
      fc.record({
        storageTime,
        lifetime: seconds,
        metadata: fc
          .tuple(storedValue(kind), fc.nat(1000), hex(32))
          .map(([{ value: _value, ...place }, valueLength, hashValue]) => ({
            ...place,
            valueLength,
            hashAlgorithm: 4,
            hashValue,
          })),
      }),
      { maxLength: 3 },
    ),
  }),
);

const specifier = {
  SINGLE: { model: fc.constant('SINGLE' as const) },
  ARRAY: {
    model: fc.constant('ARRAY' as const),
    indices: fc.array(fc.record({ first: fc.nat(10), last: fc.integer({ min: 10, max: 0xffffffff }) }), {
      maxLength: 3,
    }),
  },
  DICTIONARY: { model: fc.constant('DICTIONARY' as const), keys: fc.array(id, { maxLength: 3 }) },
};

const dataRequest = fc.record({
  resource: id,
  specifiers: perKind((kind): fc.Arbitrary<StoredDataSpecifier> => {
    const head = { kind: fc.constant(kind), generation };
    const model = builtInKinds.get(kind)!.dataModel;
    if (model === 'SINGLE') return fc.record({ ...head, ...specifier.SINGLE });
    if (model === 'ARRAY') return fc.record({ ...head, ...specifier.ARRAY });
    return fc.record({ ...head, ...specifier.DICTIONARY });
  }),
});

const chord = fc
  .record({
    uptime: seconds,
    update: fc.oneof(
      fc.constant({ type: 'peerReady' as const }),
      fc.record({ type: fc.constant('neighbors' as const), predecessors: ids, successors: ids }),
      fc.record({ type: fc.constant('full' as const), predecessors: ids, successors: ids, fingers: ids }),
    ),
  })
  .map((value) => encodeWhole(chordUpdate, value));

const chordLeave = fc
  .oneof(
    ids.map((successors) => ({ type: 'fromSucc' as const, successors })),
    ids.map((predecessors) => ({ type: 'fromPred' as const, predecessors })),
  )
  .map((value) => encodeWhole(chordLeaveData, value));

/** A method with bodies that a well-behaved node could send. */
export interface MethodBodies<Request = unknown, Response = unknown> {
  readonly method: Method<Request, Response>;
  readonly requests: fc.Arbitrary<Request>;
  readonly answers: fc.Arbitrary<Response>;
}

function bodies<Request, Response>(
  method: Method<Request, Response>,
  requests: fc.Arbitrary<Request>,
  answers: fc.Arbitrary<Response>,
): MethodBodies {
  return { method, requests, answers } as MethodBodies;
}

/** All methods of RFC 6940. */
export const methodBodies: readonly MethodBodies[] = [
  bodies(
    probe,
    fc.record({ requestedInfo: fc.subarray([1, 2, 3]) }),
    fc.record({
      probeInfo: fc.array(
        fc.oneof(
          seconds.map((responsiblePpb) => ({ type: 'responsibleSet' as const, responsiblePpb })),
          seconds.map((numResources) => ({ type: 'numResources' as const, numResources })),
          seconds.map((uptime) => ({ type: 'uptime' as const, uptime })),
        ),
        { maxLength: 3 },
      ),
    }),
  ),
  bodies(
    attach,
    fc.record({ ...ice, sendUpdate: fc.boolean() }),
    fc.record({ ...ice, sendUpdate: fc.boolean() }),
  ),
  bodies(
    appAttach,
    fc.record({ ...ice, application: fc.constantFrom(5060, 5061) }),
    fc.record({ ...ice, application: fc.constantFrom(5060, 5061) }),
  ),
  bodies(
    store,
    fc.record({ resource: id, replicaNumber: fc.nat(2), kindData: kindValues }),
    fc.record({
      kindResponses: fc.array(fc.record({ kind: fc.constantFrom(1, 2, 3), generation, replicas: ids }), {
        maxLength: 3,
      }),
    }),
  ),
  bodies(fetch, dataRequest, fc.record({ kindResponses: kindValues })),
  bodies(stat, dataRequest, fc.record({ kindResponses: metaValues })),
  bodies(
    find,
    fc.record({ resource: id, kinds }),
    fc.record({
      results: fc.array(fc.record({ kind: fc.constantFrom(1, 2, 3), closest: id }), { maxLength: 3 }),
    }),
  ),
  bodies(
    join,
    fc.record({ joiningPeerId: id, overlayData: fc.constant(new Uint8Array(0)) }),
    fc.record({ overlayData: fc.constant(new Uint8Array(0)) }),
  ),
  bodies(leave, fc.record({ leavingPeerId: id, overlayData: chordLeave }), nothing),
  bodies(update, fc.record({ overlayData: chord }), nothing),
  bodies(
    routeQuery,
    fc.record({ sendUpdate: fc.boolean(), destination, overlayData: fc.constant(new Uint8Array(0)) }),
    fc.record({ overlayData: id.map((nextPeer) => encodeWhole(chordRouteQueryAns, { nextPeer })) }),
  ),
  bodies(
    ping,
    fc.record({ padding: bytes }),
    fc.record({ responseId: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }), time: storageTime }),
  ),
  bodies(
    configUpdate,
    fc.oneof(
      bytes.map((configData) => ({ type: 'config' as const, configData })),
      fc.array(token, { maxLength: 3 }).map((blocks) => ({ type: 'kind' as const, kinds: blocks })),
    ),
    nothing,
  ),
];
