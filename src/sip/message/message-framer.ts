import type { FramerHandler } from './framer.ts';
import { MessageError, parseMessage } from './parser.ts';

/** The owner of a stream of whole messages. */
export interface MessageFramerHandler extends Omit<FramerHandler, 'onError'> {
  /** One message is no good; those that follow may be. */
  onRefused(error: MessageError): void;
}

const PING = '\r\n\r\n';
const PONG = '\r\n';

/** Takes WebSocket messages, each a whole SIP message (RFC 7118 §5) or a keepalive (RFC 5626 §3.5.1). */
export class MessageFramer {
  readonly #handler: MessageFramerHandler;
  /** Nothing is ever left over. */
  readonly midMessage = false;
  readonly heldBytes = 0;

  constructor(handler: MessageFramerHandler) {
    this.#handler = handler;
  }

  push(data: Buffer): void {
    const text = data.length <= PING.length ? data.toString('latin1') : '';
    if (text === PING) this.#handler.onPing();
    else if (text === PONG) this.#handler.onPong();
    else this.#parse(data);
  }

  #parse(data: Buffer): void {
    try {
      this.#handler.onMessage(parseMessage(data, { datagram: false }));
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#handler.onRefused(error);
    }
  }
}
