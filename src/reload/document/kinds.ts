import type { KindId } from '../wire/ids.ts';
import type { KindDefinition, KindTable } from '../wire/kind-table.ts';

/** The Kind-IDs we use: RFC 6940 §14.6, RFC 7904 §9, and our own of the private range. */
export const Kind = {
  SIP_REGISTRATION: 0x1,
  TURN_SERVICE: 0x2,
  CERTIFICATE_BY_NODE: 0x3,
  CERTIFICATE_BY_USER: 0x10,
  /** Public SIP URIs of an adapter peer, separated by LF. */
  SIP_PEER_ADDRESS: 0xf000_0010,
} as const;

/** RFC 6940 §14.6: 0xF0000001 to 0xFFFFFFFE are for private use. */
const FIRST_PRIVATE = 0xf000_0001;

// 32 registrations of 1 kB, with signature and certificate each, fit one Fetch answer of 64 kB.
const BUILT_IN: readonly KindDefinition[] = [
  {
    // RFC 7904 §7; requirement T5: the registered definition, not the one in the example of RFC 6940 §11.1.
    id: Kind.SIP_REGISTRATION,
    name: 'SIP-REGISTRATION',
    dataModel: 'DICTIONARY',
    accessControl: 'USER-NODE-MATCH',
    maxCount: 32,
    maxSize: 1024,
  },
  {
    // RFC 6940 §9.
    id: Kind.TURN_SERVICE,
    name: 'TURN-SERVICE',
    dataModel: 'SINGLE',
    accessControl: 'NODE-MULTIPLE',
    maxCount: 1,
    maxSize: 128,
    maxNodeMultiple: 20,
  },
  {
    // RFC 6940 §8: an old and a new certificate side by side, and room for a few more.
    id: Kind.CERTIFICATE_BY_NODE,
    name: 'CERTIFICATE_BY_NODE',
    dataModel: 'ARRAY',
    accessControl: 'NODE-MATCH',
    maxCount: 8,
    maxSize: 4096,
  },
  {
    id: Kind.CERTIFICATE_BY_USER,
    name: 'CERTIFICATE_BY_USER',
    dataModel: 'ARRAY',
    accessControl: 'USER-MATCH',
    maxCount: 8,
    maxSize: 4096,
  },
  {
    id: Kind.SIP_PEER_ADDRESS,
    name: 'SIP-PEER-ADDRESS',
    dataModel: 'SINGLE',
    accessControl: 'NODE-MATCH',
    maxCount: 1,
    maxSize: 512,
  },
];

/** The registered Kinds among them, whose data model and access control no document can change (RFC 6940 §11.1). */
export const registeredKinds: KindTable = new Map(
  BUILT_IN.filter(({ id }) => id < FIRST_PRIVATE).map((kind) => [kind.id, kind]),
);

/** What a Kind that has only a number is called in messages and metrics. */
export function kindName(id: KindId): string {
  return builtInKinds.get(id)?.name ?? `0x${id.toString(16).padStart(8, '0')}`;
}

/** The Kinds every document of ours declares. */
export const builtInKinds: KindTable = new Map(BUILT_IN.map((kind) => [kind.id, kind]));
