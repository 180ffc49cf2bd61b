import { SipSyntaxError } from './errors.ts';
import type { HeaderList } from './header-list.ts';
import { type BodyRange, emptyBody, SipMessage } from './message.ts';
import { parseUri, type SipUri } from './uri.ts';

/** What a request is made of. */
export interface RequestParts {
  readonly method: string;
  /** As on the wire: not necessarily a valid URI before validation. */
  readonly requestUri: string;
  readonly headers: HeaderList;
  readonly body?: BodyRange;
  /** `SIP/2.0` unless something else was received. */
  readonly version?: string;
}

export class SipRequest extends SipMessage {
  readonly method: string;
  readonly version: string;
  #requestUri: string;
  #uri: SipUri | undefined;

  constructor(parts: RequestParts, original?: SipRequest) {
    super(parts.headers, parts.body ?? emptyBody, original);
    this.method = parts.method;
    this.version = parts.version ?? 'SIP/2.0';
    this.#requestUri = parts.requestUri;
  }

  get startLine(): string {
    return `${this.method} ${this.#requestUri} ${this.version}`;
  }

  get requestUri(): string {
    return this.#requestUri;
  }

  /** The parsed Request-URI. */
  get uri(): SipUri {
    this.#uri ??= parseUri(this.#requestUri);
    return this.#uri;
  }

  setRequestUri(uri: string | SipUri): void {
    this.#requestUri = uri.toString();
    this.#uri = typeof uri === 'string' ? undefined : uri;
    if (/[\r\n]/.test(this.#requestUri)) throw new SipSyntaxError('bad-value', 'line break in a Request-URI');
  }

  /** An independent copy: edits of one do not show in the other. The body bytes are shared. */
  clone(): SipRequest {
    const { method, version } = this;
    const copy = new SipRequest(
      {
        method,
        version,
        requestUri: this.#requestUri,
        headers: this.headerList.clone(),
        body: this.bodyRange,
      },
      this,
    );
    copy.#uri = this.#uri;
    return copy;
  }
}
