import type { Address, Connection, Network, Random } from '../../../src/base/index.ts';
import type { OverlayDocument } from '../../../src/reload/document/overlay-document.ts';
import { seal } from '../../../src/reload/forwarding/sealed-message.ts';
import {
  DATA_HEADER_BYTES,
  encodeAckFrame,
  encodeDataFrame,
  FRAME_DATA,
} from '../../../src/reload/link/frame.ts';
import { FrameReader } from '../../../src/reload/link/frame-reader.ts';
import type { Destination } from '../../../src/reload/messages/destination.ts';
import {
  encodeWithHeader,
  type HeaderFields,
  WHOLE_MESSAGE,
} from '../../../src/reload/messages/forwarding-header.ts';
import { encodeContents } from '../../../src/reload/messages/message.ts';
import type { Method } from '../../../src/reload/messages/method.ts';
import type { Identity } from '../../../src/reload/security/identity.ts';

/** Messages that are remembered, to answer them. */
const REMEMBERED = 64;

const TRANSACTION_ID_AT = 20;

export interface HostileDeps {
  readonly network: Network;
  readonly random: Random;
  readonly document: OverlayDocument;
  readonly identity: Identity;
}

/**
 * A member of the overlay with a good certificate that says on its link whatever it likes. It acknowledges frames, so
 * that the link lives, and answers nothing by itself.
 */
export class HostileMember {
  readonly identity: Identity;
  /** Messages that came, newest last; bounded. */
  readonly received: Uint8Array[] = [];
  readonly #deps: HostileDeps;
  #connection: Connection | undefined;
  #sequence = 0;
  #isAcked = true;
  #onSettled: (() => void) | undefined;

  constructor(deps: HostileDeps) {
    this.identity = deps.identity;
    this.#deps = deps;
  }

  get nodeId(): string {
    return this.identity.nodeId;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Bytes written that the other side has not read. */
  get queuedBytes(): number {
    return this.#connection?.bufferedBytes ?? 0;
  }

  /** Opens a link, instead of the one there was. */
  async connect(to: Address): Promise<void> {
    const connection = await this.#deps.network.connect(to, {
      tls: { identity: this.identity.tls, verifyPeer: () => {} },
    });
    this.#connection = connection;
    this.#sequence = 0;
    this.#isAcked = true;
    const reader = new FrameReader({
      maxMessageBytes: 2 ** 24 - 1,
      onFrame: (frame) => this.#onFrame(frame),
      onOversized: () => {},
      onBadFrame: () => {},
    });
    connection.setHandler({
      onData: (chunk) => reader.push(chunk),
      onClose: () => {
        if (this.#connection === connection) this.close();
      },
    });
  }

  close(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#onSettled?.();
  }

  /** Resolves when the other side has acknowledged all frames, or has closed the link. */
  async settled(): Promise<void> {
    if (this.#isAcked || this.#connection === undefined) return;
    await new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
    this.#onSettled = undefined;
  }

  /** Sends messages, each in a frame of its own, all in one write. */
  send(...messages: readonly Uint8Array[]): void {
    this.sendRaw(Buffer.concat(messages.map((message) => encodeDataFrame(this.#nextSequence(), message))));
  }

  /** Sends bytes that need not be frames. */
  sendRaw(bytes: Uint8Array): void {
    this.#connection?.send(bytes);
  }

  /** A request of this member, properly signed. */
  request<Request>(
    method: Method<Request, unknown>,
    body: Request,
    destinationList: readonly Destination[],
  ): Uint8Array {
    return this.sealed(encodeContents(method.requestCode, method.request, body), { destinationList });
  }

  /** Any contents, properly signed. */
  sealed(
    contents: Uint8Array,
    {
      certificates = [],
      ...fields
    }: Partial<HeaderFields> & { readonly certificates?: readonly Uint8Array[] },
  ): Uint8Array {
    const { document, random } = this.#deps;
    const transactionId = fields.transactionId ?? Buffer.from(random.bytes(8)).readBigUInt64BE();
    const { overlayHash } = document;
    const header: HeaderFields = {
      overlay: overlayHash,
      configurationSequence: document.sequence,
      ttl: document.initialTtl,
      fragment: WHOLE_MESSAGE,
      maxResponseLength: 0,
      viaList: [],
      destinationList: [],
      options: [],
      ...fields,
      transactionId,
    };
    const parts = seal(contents, { overlayHash, transactionId, signer: this.identity.signer, certificates });
    return encodeWithHeader(header, parts.contents, parts.security);
  }

  /** Transaction ids of messages that came lately. */
  get recentIds(): bigint[] {
    return this.received.map((message) => Buffer.from(message).readBigUInt64BE(TRANSACTION_ID_AT));
  }

  #nextSequence(): number {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    this.#isAcked = false;
    return sequence;
  }

  #onFrame(frame: Buffer): void {
    if (frame[0] !== FRAME_DATA) {
      // An ack speaks for all frames before its own.
      const last = (this.#sequence - 1) >>> 0;
      if (frame.readUInt32BE(1) === last) this.#isAcked = true;
      if (this.#isAcked) this.#onSettled?.();
      return;
    }
    this.sendRaw(encodeAckFrame(frame.readUInt32BE(1), 0));
    this.received.push(Uint8Array.from(frame.subarray(DATA_HEADER_BYTES)));
    if (this.received.length > REMEMBERED) this.received.shift();
  }
}
