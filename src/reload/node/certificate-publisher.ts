import {
  type Clock,
  equalBytes,
  errorMessage,
  type Logger,
  type Random,
  type Timer,
} from '../../base/index.ts';
import { Kind } from '../document/kinds.ts';
import type { NodeIdentity } from '../security/identity.ts';
import { nodeResource, userResource } from '../storage/access-policy.ts';
import type { VerifiedValue } from '../storage/verified-values.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import type { StorageClient } from './storage-client.ts';

/** The longest life of values in our overlays. */
const LIFETIME_S = 86_400;

/** Stored again at half-life, or when it is missing: looked for this often. */
const RENEW_S = LIFETIME_S / 2;
const CHECK_MS = 3_600_000;

/** Joining comes first; the certificates follow within this time. */
const FIRST_MS = 3_000;

const RETRY_MS = 60_000;

/** Where certificates go. */
type CertificateStorage = Pick<StorageClient, 'fetch' | 'store'>;

/**
 * RFC 6940 §8: keeps this node's own certificate stored at the hashes of its user name and of its Node-ID. Registration
 * certificates travel with their values instead (requirement T13).
 */
export class CertificatePublisher {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #storage: CertificateStorage;
  readonly #identity: NodeIdentity;
  /** Exists while certificates are being looked for and stored. */
  #publishing: AbortController | undefined;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(
    deps: { clock: Clock; random: Random; logger: Logger; storage: CertificateStorage },
    options: { readonly identity: NodeIdentity },
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#storage = deps.storage;
    this.#identity = options.identity;
  }

  start(): void {
    this.#again(FIRST_MS * this.#random.float());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.close();
    this.#publishing?.abort();
  }

  #again(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer?.close();
    this.#timer = this.#clock.setTimer(delayMs, () => void this.#publish());
  }

  async #publish(): Promise<void> {
    const { nodeId, userName } = this.#identity;
    const publishing = new AbortController();
    this.#publishing = publishing;
    const { signal } = publishing;
    try {
      await this.#store(nodeResource(nodeId), Kind.CERTIFICATE_BY_NODE, signal);
      await this.#store(userResource(userName), Kind.CERTIFICATE_BY_USER, signal);
      this.#again(CHECK_MS * (0.75 + 0.5 * this.#random.float()));
    } catch (error) {
      if (this.#isStopped) return;
      this.#logger.debug('own certificate not stored', { error: errorMessage(error) });
      this.#again(RETRY_MS * (0.5 + this.#random.float()));
    } finally {
      this.#publishing = undefined;
    }
  }

  /**
   * RFC 6940 §11.3.1: "SHOULD look to see if the user name is already taken". Ours holds our Node-ID, so there is no
   * better one to choose: whoever else uses it pretends to be us, and the operator is told.
   */
  #checkName(held: readonly VerifiedValue[]): void {
    const { nodeId, userName } = this.#identity;
    const other = held.find(({ signer }) => signer.nodeId !== nodeId);
    if (other === undefined) return;
    this.#logger.warn('another node uses our user name', { userName, nodeId: other.signer.nodeId });
  }

  async #store(resource: ResourceId, kind: KindId, signal: AbortSignal): Promise<void> {
    const { der } = this.#identity.certificate;
    const [held] = await this.#storage.fetch(resource, [{ kind }], { signal });
    if (kind === Kind.CERTIFICATE_BY_USER) this.#checkName(held?.values ?? []);
    const elements = (held?.values ?? []).flatMap(({ value, storageTime, lifetime }) =>
      value.model === 'ARRAY' ? [{ index: value.index, bytes: value.value, storageTime, lifetime }] : [],
    );
    // §8: a new certificate goes to the end of the list, beside the old one; its index is explicit (requirement T14).
    const ours = elements.find(({ bytes }) => equalBytes(bytes, der));
    if (ours !== undefined && ours.lifetime > RENEW_S) return;
    const index = ours?.index ?? Math.max(-1, ...elements.map((element) => element.index)) + 1;
    const storageTime = Math.max(this.#clock.now(), (ours?.storageTime ?? 0) + 1);
    await this.#storage.store(
      resource,
      [{ kind, values: [{ index, exists: true, value: der, lifetimeS: LIFETIME_S, storageTime }] }],
      { signer: this.#identity, signal },
    );
  }
}
