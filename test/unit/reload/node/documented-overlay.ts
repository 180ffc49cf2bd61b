import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import { trustOfDocument } from '../../../../src/reload/document/document-trust.ts';
import { writeDocument } from '../../../../src/reload/document/document-writer.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { ANY_SEQUENCE } from '../../../../src/reload/forwarding/configuration-sequence.ts';
import { configUpdate } from '../../../../src/reload/messages/config-update.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import type { KindDefinition } from '../../../../src/reload/wire/kind-table.ts';
import { BareNode } from './bare-node.ts';
import { type PeerOptions, SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

export const PRIVATE_KIND: KindDefinition = {
  id: 0xf000_0001,
  name: '0xf0000001',
  dataModel: 'SINGLE',
  accessControl: 'USER-MATCH',
  maxCount: 1,
  maxSize: 100,
};

/** A simulated overlay whose peers follow a document that an administrator signs. */
export class DocumentedOverlay extends SimulatedOverlay {
  readonly administrator: Identity = this.newIdentity(this.randomOf('10.7.0.1'));
  #senders = 0;

  /** A signed document. */
  bytes(sequence: number, changes: Partial<OverlayDocument> = {}, signer = this.administrator): Uint8Array {
    const signers = new Set([this.administrator.nodeId]);
    return writeDocument(
      {
        ...this.document,
        sequence,
        configurationSigners: signers,
        kindSigners: signers,
        ...changes,
      },
      { configuration: signer.signer, kinds: signer.signer },
    );
  }

  read(bytes: Uint8Array): OverlayDocument {
    return readDocument(bytes, this.document.name);
  }

  /** A peer that begins with this document. */
  makeWith(document: OverlayDocument, options: PeerOptions = {}): SimulatedPeer {
    return this.make({ document, trust: (current) => trustOfDocument(this, current), ...options });
  }

  async growWith(count: number, document: OverlayDocument): Promise<void> {
    for (let i = 0; i < count; i++) await this.start(this.makeWith(document));
    await this.clock.advance(3_000);
  }

  /** A node with a link to this peer, and no behaviour. */
  async bareNode(
    to: SimulatedPeer,
    document = to.node.document,
    options: { readonly identity?: Identity } = {},
  ): Promise<BareNode> {
    const bootstrap = [this.addressOf(to)];
    const trust = (current: OverlayDocument) => trustOfDocument(this, current);
    const node = new BareNode(this, `10.9.0.${++this.#senders}`, { bootstrap, document, trust, ...options });
    await node.connect();
    return node;
  }

  /** What a stranger to the ring (but not to the overlay) sends in a ConfigUpdate. */
  async send(
    body: Parameters<typeof configUpdate.request.encode>[1],
    to: SimulatedPeer,
    options: { readonly identity?: Identity } = {},
  ): Promise<void> {
    const sender = await this.bareNode(to, to.node.document, options);
    try {
      await sender.request(configUpdate, body, toNode(to.node.nodeId), {
        configurationSequence: ANY_SEQUENCE,
      });
    } finally {
      await this.clock.runUntil(sender.connectivity.stop());
    }
  }

  sendDocument(bytes: Uint8Array, to: SimulatedPeer): Promise<void> {
    return this.send({ type: 'config', configData: bytes }, to);
  }

  sendDocumentAs(identity: Identity, bytes: Uint8Array, to: SimulatedPeer): Promise<void> {
    return this.send({ type: 'config', configData: bytes }, to, { identity });
  }

  sequences(): number[] {
    return this.peers.map(({ node }) => node.document.sequence);
  }
}
