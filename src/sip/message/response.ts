import type { HeaderList } from './header-list.ts';
import { type BodyRange, emptyBody, SipMessage } from './message.ts';

export interface ResponseParts {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body?: BodyRange;
}

export class SipResponse extends SipMessage {
  readonly status: number;
  readonly reason: string;

  constructor(parts: ResponseParts, original?: SipResponse) {
    super(parts.headers, parts.body ?? emptyBody, original);
    this.status = parts.status;
    this.reason = parts.reason;
  }

  get startLine(): string {
    return `SIP/2.0 ${this.status} ${this.reason}`;
  }

  /** 1xx. */
  get isProvisional(): boolean {
    return this.status < 200;
  }

  /** 2xx. */
  get isSuccess(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  clone(): SipResponse {
    const { status, reason } = this;
    return new SipResponse({ status, reason, headers: this.headerList.clone(), body: this.bodyRange }, this);
  }
}
