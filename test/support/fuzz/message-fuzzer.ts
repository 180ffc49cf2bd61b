import fc from 'fast-check';
import type { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';
import type { Destination } from '../../../src/reload/messages/destination.ts';
import {
  decodeHeader,
  encodeWithHeader,
  type HeaderFields,
} from '../../../src/reload/messages/forwarding-header.ts';
import { join } from '../../../src/reload/messages/join.ts';
import { leave } from '../../../src/reload/messages/leave.ts';
import { decodeEnvelope, encodeContents } from '../../../src/reload/messages/message.ts';
import { update } from '../../../src/reload/messages/update.ts';
import { WILDCARD_NODE_ID } from '../../../src/reload/wire/ids.ts';
import { methodBodies } from '../message-bodies.ts';
import { ByteMutator } from './byte-mutator.ts';
import type { HostileMember } from './hostile-member.ts';
import { updateNaming } from './session-corpus.ts';

/** Well-formed requests of each method that no honest session has. */
const SAMPLES_PER_METHOD = 30;

const MAX_MESSAGE = 65_536;
const LENGTH_AT = 16;

export interface Target {
  readonly nodeId: string;
  /** Other Node-IDs of the overlay. */
  readonly others: readonly string[];
}

/** Makes the messages a malicious member would send: real ones damaged, altered, or signed anew with other contents. */
export class MessageFuzzer {
  readonly #random: SeededRandom;
  readonly #mutator: ByteMutator;
  readonly #names: readonly string[];
  readonly #corpus: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly #samples: readonly Uint8Array[];
  readonly #target: Target;

  constructor(
    random: SeededRandom,
    { corpus, target }: { corpus: ReadonlyMap<string, readonly Uint8Array[]>; target: Target },
  ) {
    this.#random = random;
    this.#mutator = new ByteMutator(random);
    this.#corpus = corpus;
    this.#names = [...corpus.keys()];
    this.#target = target;
    this.#samples = methodBodies.flatMap(({ method, requests }, i) =>
      fc
        .sample(requests, { numRuns: SAMPLES_PER_METHOD, seed: random.seed + i })
        .map((body) => encodeContents(method.requestCode, method.request, body)),
    );
  }

  /** One message for the target; never longer than a link carries. */
  next(member: HostileMember): Uint8Array {
    const message = this.#make(member);
    return message.length > MAX_MESSAGE ? message.subarray(0, MAX_MESSAGE) : message;
  }

  #make(member: HostileMember): Uint8Array {
    const roll = this.#mutator.below(100);
    if (roll < 40) return this.#damaged();
    if (roll < 55) return this.#altered();
    if (roll < 75) return this.#signedAnew(member, this.#mutator.mutate(this.#contents(), this.#contents()));
    if (roll < 85) return this.#signedAnew(member, this.#contents());
    if (roll < 93) return this.#signedAnew(member, this.#mutator.pick(this.#samples));
    if (roll < 97) return this.#answer(member);
    return this.#membership(member);
  }

  #message(): Uint8Array {
    return this.#mutator.pick(this.#corpus.get(this.#mutator.pick(this.#names))!);
  }

  #contents(): Uint8Array {
    const message = this.#message();
    return decodeEnvelope(message, decodeHeader(message)).contentsBytes;
  }

  /** Bytewise, mostly with a length field that is right again so that more than the header check sees it. */
  #damaged(): Uint8Array {
    const mutated = this.#mutator.mutate(this.#message(), this.#message());
    if (mutated.length >= LENGTH_AT + 4 && this.#mutator.chance(0.8)) {
      mutated.writeUInt32BE(mutated.length, LENGTH_AT);
    }
    return mutated;
  }

  /** The signature covers no field of the header but the overlay and the transaction id. */
  #altered(): Uint8Array {
    const message = this.#message();
    const header = decodeHeader(message);
    return encodeWithHeader({ ...header, ...this.#fields() }, message.subarray(header.headerLength));
  }

  #signedAnew(member: HostileMember, contents: Uint8Array): Uint8Array {
    const certificates = this.#mutator.chance(0.2) ? this.#certificates() : [];
    const plain = this.#mutator.chance(0.7);
    return member.sealed(contents, {
      certificates,
      destinationList: this.#destinations(),
      ...(plain ? {} : this.#fields()),
    });
  }

  /** What a node might say in return: to a request that came from the target, if there was one. */
  #answer(member: HostileMember): Uint8Array {
    const answers = this.#names.filter((name) => name.endsWith('_ans') || name === 'error');
    const message = this.#mutator.pick(this.#corpus.get(this.#mutator.pick(answers))!);
    const { contentsBytes } = decodeEnvelope(message, decodeHeader(message));
    const contents = this.#mutator.chance(0.5)
      ? contentsBytes
      : this.#mutator.mutate(contentsBytes, this.#contents());
    const ids = member.recentIds;
    return member.sealed(contents, {
      destinationList: [{ type: 'node', nodeId: this.#target.nodeId }],
      ...(ids.length > 0 && { transactionId: this.#mutator.pick(ids) }),
    });
  }

  /** What a member may do on its own link: these reach the ring itself. */
  #membership(member: HostileMember): Uint8Array {
    const to = [{ type: 'node' as const, nodeId: this.#target.nodeId }];
    switch (this.#mutator.below(4)) {
      case 0:
        return member.request(join, { joiningPeerId: member.nodeId, overlayData: new Uint8Array(0) }, to);
      case 1:
        return member.request(
          leave,
          { leavingPeerId: member.nodeId, overlayData: Uint8Array.of(1, 0, 0) },
          to,
        );
      default: {
        const named = () => Array.from({ length: this.#mutator.below(8) }, () => this.#nodeId());
        return member.request(update, { overlayData: updateNaming(named(), named()) }, to);
      }
    }
  }

  #fields(): Partial<HeaderFields> {
    const { below, chance } = bound(this.#mutator);
    return {
      ...(chance(0.3) && { ttl: below(256) }),
      ...(chance(0.2) && {
        fragment: this.#mutator.pick([0, 0x8000_0000, 0xc000_0000, 0xc000_0001, 0x8000_0000 + below(70_000)]),
      }),
      ...(chance(0.2) && { configurationSequence: this.#mutator.pick([0, 1, 65_534, 65_535]) }),
      ...(chance(0.3) && { maxResponseLength: below(2_000) }),
      ...(chance(0.4) && { viaList: Array.from({ length: below(300) }, () => this.#destination()) }),
      ...(chance(0.4) && { destinationList: this.#destinations() }),
      ...(chance(0.3) && {
        options: Array.from({ length: below(34) }, () => ({
          type: below(256),
          flags: below(8),
          value: this.#random.bytes(below(50)),
        })),
      }),
    };
  }

  #destinations(): Destination[] {
    const { below, chance } = bound(this.#mutator);
    const self: Destination = { type: 'node', nodeId: this.#target.nodeId };
    if (chance(0.6)) return [self];
    if (chance(0.3)) return [{ type: 'node', nodeId: WILDCARD_NODE_ID }];
    if (chance(0.5)) return [{ type: 'resource', resourceId: this.#id() }];
    return Array.from({ length: 1 + below(300) }, () => (chance(0.5) ? self : this.#destination()));
  }

  #destination(): Destination {
    switch (this.#mutator.below(6)) {
      case 0:
        return { type: 'resource', resourceId: this.#id() };
      case 1:
        return { type: 'opaque', bytes: this.#random.bytes(this.#mutator.below(200)) };
      case 2:
        return { type: 'compressed', value: 0x8000 + this.#mutator.below(0x8000) };
      case 3:
        return {
          type: 'unknown',
          tag: 4 + this.#mutator.below(100),
          bytes: this.#random.bytes(this.#mutator.below(40)),
        };
      default:
        return { type: 'node', nodeId: this.#nodeId() };
    }
  }

  #nodeId(): string {
    return this.#mutator.chance(0.3) ? this.#mutator.pick(this.#target.others) : this.#id();
  }

  #id(): string {
    return Buffer.from(this.#random.bytes(16)).toString('hex');
  }

  /** Those of others, now and then damaged. */
  #certificates(): Uint8Array[] {
    return Array.from({ length: 1 + this.#mutator.below(20) }, () => {
      const message = this.#message();
      const [certificate = new Uint8Array(1)] = decodeEnvelope(message, decodeHeader(message)).security
        .certificates;
      return this.#mutator.chance(0.3) ? this.#mutator.mutate(certificate, certificate) : certificate;
    });
  }
}

function bound(mutator: ByteMutator) {
  return {
    below: (limit: number) => mutator.below(limit),
    chance: (probability: number) => mutator.chance(probability),
  };
}
