import { CodedError, equalBytes, type Random } from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { Introduction } from '../link/introduction.ts';
import type { LinkPeer } from '../link/link.ts';
import { toNode } from '../messages/destination.ts';
import { decodeHeader, encodeWithHeader, WHOLE_MESSAGE } from '../messages/forwarding-header.ts';
import { decodeEnvelope, encodeContents } from '../messages/message.ts';
import { ping } from '../messages/ping.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import { findSigner, messageSignatureParts, type Signer, verifySignature } from '../security/signature.ts';
import { decodeWhole } from '../wire/codec.ts';
import { DecodeError } from '../wire/decode-error.ts';
import { ID_LENGTH } from '../wire/ids.ts';
import { headerFault } from './header-check.ts';
import { seal } from './sealed-message.ts';

/** RFC 6940 §6.1.1: whoever is at the other end. */
const WILDCARD = toNode('ff'.repeat(ID_LENGTH));

/** Certificates of one introduction that are read: one signed it. */
const MAX_CERTIFICATES = 8;

interface Deps {
  readonly random: Random;
  readonly certificates: CertificateStore;
}

interface Options {
  readonly document: () => OverlayDocument;
  /** Asked each time: its certificate may be renewed. */
  readonly signer: () => Signer;
}

/**
 * Requirement T17: the signed Ping by which a node says who it is on a link keyed with the shared secret. It goes one hop
 * and is not answered: the other side's own Ping is what we wait for.
 */
export function signedIntroduction(
  { random, certificates }: Deps,
  { document, signer }: Options,
): Introduction {
  return {
    hello(padding) {
      const { overlayHash, sequence } = document();
      const transactionId = Buffer.from(random.bytes(8)).readBigUInt64BE();
      const contents = encodeContents(ping.requestCode, ping.request, { padding });
      const sealed = seal(contents, { overlayHash, transactionId, signer: signer() });
      const header = {
        overlay: overlayHash,
        configurationSequence: sequence,
        ttl: 1,
        fragment: WHOLE_MESSAGE,
        transactionId,
        maxResponseLength: 0,
        viaList: [],
        destinationList: [WILDCARD],
        options: [],
      };
      return encodeWithHeader(header, sealed.contents, sealed.security);
    },

    verify(message, padding) {
      try {
        return verified(message, padding, certificates, document());
      } catch (error) {
        if (error instanceof DecodeError) refuse(error.message);
        throw error;
      }
    },
  };
}

/** Whether the certificate is welcome is for the link layer to find out, as after a TLS handshake. */
function verified(
  message: Uint8Array,
  padding: Uint8Array,
  certificates: CertificateStore,
  document: OverlayDocument,
): LinkPeer {
  const header = decodeHeader(message);
  const fault = headerFault(header, message.length, document);
  if (fault !== undefined) refuse(`its header is not acceptable (${fault})`);
  const { contents, contentsBytes, security } = decodeEnvelope(message, header);
  if (contents.code !== ping.requestCode) refuse(`a message of code ${contents.code}`);
  if (!equalBytes(decodeWhole(ping.request, contents.body).padding, padding)) {
    refuse('a Ping of another TLS session, or of the other side of this one');
  }
  const { signature } = security;
  const presented = security.certificates.slice(0, MAX_CERTIFICATES);
  const signedBy = findSigner(
    signature.identity,
    presented.map((der) => certificates.parse(der)),
  );
  const parts = messageSignatureParts(header.overlay, header.transactionId, contentsBytes);
  verifySignature(signature, parts, signedBy);
  const { der, nodeIds } = signedBy.certificate;
  return { nodeIds, certificate: der, certificates: [der] };
}

function refuse(message: string): never {
  throw new CodedError('peer-refused', `not introduced properly: ${message}`, { origin: 'remote' });
}
