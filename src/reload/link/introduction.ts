import {
  type Clock,
  CodedError,
  type Connection,
  concatBytes,
  errorMessage,
  fromHex,
} from '../../base/index.ts';
import type { LinkPeer } from './link.ts';
import type { StreamLink } from './stream-link.ts';

/** How long the other side may take to say who it is, ms. */
const INTRODUCTION_MS = 5_000;

/**
 * What a node says of itself on a link whose TLS session shows no certificate (requirement T17: RFC 6940 §13.4 with
 * §6.5.1.13): a signed Ping, the first message in each direction.
 */
export interface Introduction {
  /** @param padding what the Ping carries: it must be of this session and this side of it */
  readonly hello: (padding: Uint8Array) => Uint8Array;
  /**
   * The certificate behind the signature, if that is welcome and the padding is the one expected.
   * @throws CodedError to refuse
   */
  readonly verify: (message: Uint8Array, padding: Uint8Array) => LinkPeer;
}

interface IntroductionOptions {
  readonly link: StreamLink;
  readonly connection: Connection;
  readonly side: TlsSide;
  readonly signal?: AbortSignal | undefined;
}

export type TlsSide = 'client' | 'server';

/**
 * Says who we are and learns who the other side is. The client speaks first: the answer tells it that it is welcome. What
 * comes after the Ping of the other side waits for the link's owner.
 * @throws CodedError 'peer-refused'; the link is closed then
 */
export function introduce(
  clock: Clock,
  { hello, verify }: Introduction,
  { link, connection, side, signal }: IntroductionOptions,
): Promise<LinkPeer> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      timer.close();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = () => link.close();
    const refuse = (message: string, cause?: unknown) => {
      settle();
      reject(new CodedError('peer-refused', message, { cause }));
      link.close();
    };
    const timer = clock.setTimer(INTRODUCTION_MS, () =>
      refuse(`it has not said who it is within ${INTRODUCTION_MS} ms`),
    );
    link.setHandler({
      onMessage: (message) => {
        try {
          const peer = verify(message, paddingOf(connection, side === 'client' ? 'server' : 'client'));
          settle();
          if (side === 'server') link.send(hello(paddingOf(connection, side)));
          link.introduced(peer);
          resolve(peer);
        } catch (error) {
          refuse(errorMessage(error), error);
        }
      },
      onClosed: ({ message }) => refuse(`it does not take our certificate, or went away (${message})`),
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (side === 'client') link.send(hello(paddingOf(connection, side)));
  });
}

/**
 * The exporter value of the session (RFC 5705), so that a Ping says nothing in another session, and the side that speaks,
 * so that it cannot be sent back to whoever made it.
 */
function paddingOf({ channelBinding = '' }: Connection, side: TlsSide): Uint8Array {
  const exported = fromHex(channelBinding);
  if (exported === undefined || exported.length === 0)
    throw new CodedError('peer-refused', 'the TLS session is over');
  return concatBytes(exported, Uint8Array.of(side === 'client' ? 0 : 1));
}
