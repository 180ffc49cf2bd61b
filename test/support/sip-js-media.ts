import type { BodyAndContentType, SessionDescriptionHandler } from 'sip.js';

/** Session descriptions with no media behind them: keeps what was sent and what came. */
export class PaperMedia implements SessionDescriptionHandler {
  readonly sent: string[] = [];
  readonly received: string[] = [];
  readonly #user: string;

  constructor(user: string) {
    this.#user = user;
  }

  async getDescription(): Promise<BodyAndContentType> {
    // RFC 4566 §5.2: each description has a new version.
    const body = `v=0
o=${this.#user} 1 ${this.sent.length + 1} IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 9 RTP/AVP 0
`.replace(/\n/g, '\r\n');
    this.sent.push(body);
    return { body, contentType: 'application/sdp' };
  }

  async setDescription(sdp: string): Promise<void> {
    this.received.push(sdp);
  }

  hasDescription(contentType: string): boolean {
    return contentType === 'application/sdp';
  }

  sendDtmf(): boolean {
    return false;
  }

  close(): void {}
}
