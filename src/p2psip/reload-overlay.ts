import { CodedError, type Connection, errorMessage, type Logger } from '../base/index.ts';
import { admitsUser } from '../reload/document/domain-restriction.ts';
import { Kind } from '../reload/document/kinds.ts';
import { ReloadError } from '../reload/forwarding/reload-error.ts';
import { toNode } from '../reload/messages/destination.ts';
import { ErrorCode } from '../reload/messages/error-response.ts';
import type { ReloadNode } from '../reload/node/reload-node.ts';
import type { NodeIdentity, RegistrationIdentities } from '../reload/security/identity.ts';
import type { VerifiedKind, VerifiedValue } from '../reload/storage/verified-values.ts';
import { sipPeerAddress } from '../reload/usages/sip/peer-address.ts';
import { resourceIdOf, resourceIdOfNode } from '../reload/usages/sip/resource-name.ts';
import { type SipRegistration, sipRegistration } from '../reload/usages/sip/sip-registration.ts';
import { decodeWhole, encodeWhole } from '../reload/wire/codec.ts';
import type {
  NodeId,
  Overlay,
  OverlayOptions,
  OverlayState,
  RegistrationEntry,
  RegistrationStore,
  RegistrationValue,
} from './overlay.ts';

/** RFC 7904 §5.1: the AppAttach application that means SIP. */
const SIP_APPLICATION = 5060;
/** RFC 7904 §5.1: SIPS. The connection is the same: both run on mutually authenticated TLS. */
const SIPS_APPLICATION = 5061;

/** The bridge's view of a RELOAD node: SIP-REGISTRATION records (RFC 7904) and SIP connections by AppAttach. */
export class ReloadOverlay implements Overlay {
  readonly name: string;
  readonly #node: ReloadNode;
  readonly #identity: NodeIdentity;
  readonly #registrations: RegistrationIdentities;
  readonly #logger: Logger;

  constructor(
    deps: {
      readonly node: ReloadNode;
      readonly identity: NodeIdentity;
      readonly registrations: RegistrationIdentities;
      readonly logger: Logger;
    },
    options: { readonly name: string },
  ) {
    this.#node = deps.node;
    this.#identity = deps.identity;
    this.#registrations = deps.registrations;
    this.#logger = deps.logger;
    this.name = options.name;
  }

  get nodeId(): NodeId {
    return this.#identity.nodeId;
  }

  get state(): OverlayState {
    return this.#node.state;
  }

  admits(aor: string): boolean {
    return admitsUser(this.#node.document.kinds, aor);
  }

  async fetchRegistrations(aor: string, options?: OverlayOptions): Promise<readonly RegistrationEntry[]> {
    const values = await this.#fetch(resourceIdOf(aor), Kind.SIP_REGISTRATION, options);
    return values.flatMap((value) => this.#toEntry(aor, value));
  }

  /** The value and its request are signed with the user's registration certificate (requirement T2). */
  async storeRegistration(store: RegistrationStore, signal?: AbortSignal): Promise<void> {
    const { aor, registration, storageTime, lifetimeS } = store;
    const exists = registration.type !== 'removed';
    const value = exists ? encodeWhole(sipRegistration, toWire(registration)) : new Uint8Array(0);
    await this.#store(
      resourceIdOf(aor),
      { kind: Kind.SIP_REGISTRATION, values: [{ key: this.nodeId, exists, value, storageTime, lifetimeS }] },
      await this.#registrations.registrationOf(aor),
      signal,
    );
  }

  async fetchPublicAddresses(node: NodeId, signal?: AbortSignal): Promise<readonly string[]> {
    const [found] = await this.#fetch(resourceIdOfNode(node), Kind.SIP_PEER_ADDRESS, { signal });
    if (found === undefined || !found.value.exists) return [];
    try {
      return decodeWhole(sipPeerAddress, found.value.value);
    } catch (error) {
      this.#logger.warn('a peer publishes malformed addresses', { node, reason: errorMessage(error) });
      return [];
    }
  }

  async storePublicAddresses(uris: readonly string[], storageTime: number, lifetimeS: number): Promise<void> {
    const value = encodeWhole(sipPeerAddress, uris);
    await this.#store(
      resourceIdOfNode(this.nodeId),
      { kind: Kind.SIP_PEER_ADDRESS, values: [{ exists: true, value, storageTime, lifetimeS }] },
      this.#identity,
    );
  }

  async openSip(destinationList: readonly NodeId[], options?: OverlayOptions): Promise<Connection> {
    try {
      const opened = await this.#node.openApplication(destinationList.map(toNode), SIP_APPLICATION, options);
      return opened.connection;
    } catch (cause) {
      throw new CodedError('peer-unreachable', errorMessage(cause), { cause });
    }
  }

  onSip(handler: (connection: Connection, peer: NodeId) => void): void {
    this.#node.onApplication(SIP_APPLICATION, handler);
    this.#node.onApplication(SIPS_APPLICATION, handler);
  }

  async #fetch(resource: string, kind: number, options?: OverlayOptions): Promise<readonly VerifiedValue[]> {
    try {
      const kinds = await this.#node.fetch(resource, [{ kind }], options);
      return kinds.find((found: VerifiedKind) => found.kind === kind)?.values ?? [];
    } catch (error) {
      // RFC 6940 §7.4.2.2: Not_Found is an answer: nobody has stored anything there.
      if (error instanceof ReloadError && error.errorCode === ErrorCode.Not_Found) return [];
      throw toOverlayError(error);
    }
  }

  async #store(
    resource: string,
    kind: Parameters<ReloadNode['store']>[1][number],
    signer: NodeIdentity,
    signal?: AbortSignal,
  ): Promise<void> {
    try {
      await this.#node.store(resource, [kind], { signer, signal });
    } catch (error) {
      throw toOverlayError(error);
    }
  }

  /** Nothing, when the value is none of RFC 7904: a signed value may still be nonsense. */
  #toEntry(aor: string, { value, storageTime, lifetime }: VerifiedValue): RegistrationEntry[] {
    if (value.model !== 'DICTIONARY') return [];
    const entry = { node: value.key, storageTime, lifetimeS: lifetime };
    if (!value.exists) return [{ ...entry, registration: { type: 'removed' } }];
    try {
      const registration = fromWire(decodeWhole(sipRegistration, value.value));
      return registration === undefined ? [] : [{ ...entry, registration }];
    } catch (error) {
      this.#logger.warn('a malformed registration is left out', {
        aor,
        node: value.key,
        reason: errorMessage(error),
      });
      return [];
    }
  }
}

function toWire(registration: Exclude<RegistrationValue, { type: 'removed' }>): SipRegistration {
  if (registration.type === 'uri') return { type: 'uri', uri: registration.uri };
  const { contactPrefs, destinationList } = registration;
  return { type: 'route', contactPrefs, destinationList: destinationList.map(toNode) };
}

/** Undefined for types of later specifications, and for destination lists that only their maker understands. */
function fromWire(registration: SipRegistration): RegistrationValue | undefined {
  if (registration.type === 'uri') return { type: 'uri', uri: registration.uri };
  if (registration.type !== 'route') return undefined;
  const destinationList = registration.destinationList.flatMap((hop) =>
    hop.type === 'node' ? [hop.nodeId] : [],
  );
  if (destinationList.length !== registration.destinationList.length) return undefined;
  return { type: 'route', contactPrefs: registration.contactPrefs, destinationList };
}

/** What went wrong, in the bridge's terms. */
function toOverlayError(error: unknown): CodedError {
  if (!(error instanceof ReloadError)) {
    return new CodedError('overlay-unreachable', errorMessage(error), { cause: error });
  }
  const code = error.errorCode === ErrorCode.Data_Too_Old ? 'data-too-old' : 'store-refused';
  return new CodedError(code, error.message, { origin: 'remote', cause: error });
}
