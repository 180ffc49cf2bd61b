import type { Address, Network } from '../../src/base/index.ts';
import { authorize } from '../support/sip-text.ts';
import { Line } from './line.ts';
import { format, type Headers, Message } from './message.ts';

/** Moves time on: virtual, or by waiting. */
export interface Time {
  now(): number;
  /** @throws Error when the promise is pending after so many ms */
  until<T>(promise: Promise<T>, ms: number): Promise<T>;
  pass(ms: number): Promise<void>;
}

export interface PhoneOptions {
  readonly user: string;
  readonly host: string;
  /** 0: any. Default 5060. */
  readonly port?: number;
  readonly transport?: 'UDP' | 'TCP';
  readonly domain?: string;
  /** Where it believes to be, behind a NAT. */
  readonly believes?: string;
}

/** What of a request is not the default. */
export interface RequestOptions {
  readonly to?: string;
  readonly from?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly branch?: string;
  readonly headers?: Headers;
  readonly body?: string;
}

/** What of the credentials is not as it should be. */
export interface CredentialsOptions {
  readonly password?: string;
  readonly nc?: string;
  readonly uri?: string;
  readonly method?: string;
  readonly rewrite?: (credentials: string) => string;
}

export interface AnswerOptions {
  readonly tag?: string;
  readonly headers?: Headers;
  readonly body?: string;
}

/** A dialog as one side sees it (RFC 3261 §12). */
export interface Dialog {
  readonly callId: string;
  readonly local: string;
  readonly remote: string;
  readonly target: string;
  readonly routes: readonly string[];
  cseq: number;
}

interface Arrival {
  readonly at: number;
  readonly message: Message;
}

const DIALOG_FORMING = new Set(['INVITE', 'SUBSCRIBE', 'REFER']);
/** Phones so far: no two of them use the same Call-ID or branch. */
let phones = 0;
/** How long what is expected at once may take, ms. */
const SOON = 1_000;

/**
 * A user agent without a will of its own: it sends what it is told and answers nothing by itself, not even with an ACK.
 * It reads each message once: repetitions of what was read are passed over, and 100s that nobody waits for.
 */
export class Phone {
  readonly user: string;
  readonly arrivals: Arrival[] = [];
  readonly #options: Required<Omit<PhoneOptions, 'believes'>> & PhoneOptions;
  readonly #time: Time;
  readonly #line: Line;
  readonly #id: string;
  readonly #read = new Set<string>();
  #next = 0;
  #wake = () => {};
  #serial = 0;

  private constructor(deps: { network: Network; time: Time; server: Address }, options: PhoneOptions) {
    this.#time = deps.time;
    this.#options = { port: 5060, transport: 'UDP', domain: 'example.org', ...options };
    const onMessage = (text: string) => this.#receive(text);
    this.#line = new Line({ ...deps, onMessage }, this.#options);
    this.user = options.user;
    this.#id = `${options.user}-${++phones}`;
  }

  static async open(
    deps: { network: Network; time: Time; server: Address },
    options: PhoneOptions,
  ): Promise<Phone> {
    const phone = new Phone(deps, options);
    await deps.time.until(phone.#line.open(), SOON);
    return phone;
  }

  get aor(): string {
    return `sip:${this.user}@${this.#options.domain}`;
  }

  get port(): number {
    return this.#line.port;
  }

  /** Where it says it is: in Via and Contact. */
  get sentBy(): string {
    return `${this.#options.believes ?? this.#options.host}:${this.port}`;
  }

  get contact(): string {
    const { transport } = this.#options;
    return `sip:${this.user}@${this.sentBy}${transport === 'UDP' ? '' : `;transport=${transport.toLowerCase()}`}`;
  }

  /** A new connection to the server; the earlier one stays as it is. */
  connect(): Promise<void> {
    return this.#time.until(this.#line.connect(), SOON);
  }

  /** Takes connections at its address as well; port 0: any. */
  listen(port: number): Promise<void> {
    return this.#line.listen(port);
  }

  /** Frees what it has opened: on a real network nothing else does. */
  close(): Promise<void> {
    return this.#line.close();
  }

  /** Whether the server has closed its last connection. */
  get isClosed(): boolean {
    return this.#line.isClosed;
  }

  disconnect(): void {
    this.#line.disconnect();
  }

  /** A request with what it has unless told otherwise, as text. */
  request(method: string, uri: string, options: RequestOptions = {}): Message {
    const serial = ++this.#serial;
    const {
      callId = `${this.#id}-${serial}`,
      cseq = serial,
      branch = `z9hG4bK-${this.#id}-${serial}`,
    } = options;
    const defaults: Headers = {
      Via: `SIP/2.0/${this.#options.transport} ${this.sentBy};branch=${branch}`,
      'Max-Forwards': '70',
      From: options.from ?? `<${this.aor}>;tag=${this.user}`,
      To: options.to ?? `<${uri}>`,
      'Call-ID': callId,
      CSeq: `${cseq} ${method}`,
      Contact: ['CANCEL', 'ACK', 'BYE', 'MESSAGE', 'OPTIONS'].includes(method)
        ? undefined
        : `<${this.contact}>`,
    };
    return new Message(format(`${method} ${uri} SIP/2.0`, defaults, options.headers, options.body));
  }

  /** Sends a request, made as `request` makes it. */
  send(method: string, uri: string, options: RequestOptions = {}): Message {
    const request = this.request(method, uri, options);
    this.write(request.text);
    return request;
  }

  /** Octets as they are, in binary text. */
  write(text: string): void {
    this.#line.write(text);
  }

  invite(callee: string | Phone, options: RequestOptions = {}): Message {
    const uri = typeof callee === 'string' ? callee : callee.aor;
    const headers = { 'Content-Type': 'application/sdp', ...options.headers };
    return this.send('INVITE', uri, { body: 'v=0\r\n', ...options, headers });
  }

  /** @returns the 200 */
  async register(options: RequestOptions & { params?: string; expires?: number } = {}): Promise<Message> {
    const { params = '', expires = 3600, headers } = options;
    this.send('REGISTER', `sip:${this.#options.domain}`, {
      to: `<${this.aor}>`,
      ...options,
      headers: { Contact: `<${this.contact}>${params}`, Expires: String(expires), ...headers },
    });
    return this.expect(200);
  }

  /** The same request again with an answer to a challenge (RFC 3261 §22). */
  authorized(request: Message, challenge: Message, options: CredentialsOptions = {}): Message {
    const { rewrite = (text) => text, ...differing } = options;
    const isRegistrar = challenge.status === 401;
    const given = challenge.header(isRegistrar ? 'WWW-Authenticate' : 'Proxy-Authenticate');
    const { method, uri } = request;
    const right = { method, uri, username: this.user, password: 'secret' };
    const credentials = rewrite(authorize(given, { ...right, ...differing }));
    const name = isRegistrar ? 'Authorization' : 'Proxy-Authorization';
    const text = request.text
      .replace(/;branch=[^;\r]+/, `;branch=z9hG4bK-${this.#id}-${++this.#serial}`)
      .replace(/^CSeq: \d+/m, `CSeq: ${request.cseq + this.#serial}`)
      .replace('\r\nContent-Length:', `\r\n${name}: ${credentials}\r\nContent-Length:`);
    this.write(text);
    return new Message(text);
  }

  /** An answer to a request, by the rules of RFC 3261 §8.2.6. */
  answer(request: Message, status: number, options: AnswerOptions = {}): Message {
    const { tag = this.sentBy.replace(/\W/g, '-'), headers, body } = options;
    const to = request.header('To');
    const isInDialog = request.toTag !== undefined;
    const makesDialog = DIALOG_FORMING.has(request.method) && status > 100 && status < 300;
    const response = format(
      `SIP/2.0 ${status} Answer`,
      {
        Via: request.lines('Via'),
        'Record-Route': makesDialog ? request.lines('Record-Route') : undefined,
        From: request.header('From'),
        To: isInDialog || status === 100 ? to : `${to};tag=${tag}`,
        'Call-ID': request.header('Call-ID'),
        CSeq: request.header('CSeq'),
        Contact: makesDialog ? `<${this.contact}>` : undefined,
      },
      headers,
      body,
    );
    this.write(response);
    return new Message(response);
  }

  /** The CANCEL for a request of ours (RFC 3261 §9.1). */
  cancel(invite: Message, headers: Headers = {}): Message {
    const identity = identityOf(invite);
    return this.send('CANCEL', invite.uri, {
      ...{ ...identity, branch: invite.branch },
      headers: { ...identity.headers, ...headers },
    });
  }

  /** The ACK: of the transaction for a failure, of the dialog for a 2xx (RFC 3261 §§13.2.2.4, 17.1.1.3). */
  ack(invite: Message, final: Message): Message {
    const identity = { ...identityOf(invite), to: final.header('To') };
    if (final.status! >= 300) return this.send('ACK', invite.uri, { ...identity, branch: invite.branch });
    // Within a dialog the route set stays what it is (§12.2.1.2).
    if (invite.toTag !== undefined) return this.send('ACK', final.uriIn('Contact'), identity);
    const { target, routes } = this.dialog(invite, final);
    return this.send('ACK', target, { ...identity, headers: { Route: routes } });
  }

  /** The dialog that a response of the callee made. */
  dialog(invite: Message, response: Message): Dialog {
    return {
      callId: invite.header('Call-ID'),
      local: invite.header('From'),
      remote: response.header('To'),
      target: response.uriIn('Contact'),
      routes: response.list('Record-Route').toReversed(),
      cseq: invite.cseq,
    };
  }

  /** The dialog that our response made. */
  dialogOf(request: Message, response: Message): Dialog {
    return {
      callId: request.header('Call-ID'),
      local: response.header('To'),
      remote: request.header('From'),
      target: request.uriIn('Contact'),
      routes: request.list('Record-Route'),
      cseq: 1000,
    };
  }

  sendIn(dialog: Dialog, method: string, options: RequestOptions = {}): Message {
    const { callId, local, remote, target, routes } = dialog;
    dialog.cseq += 1;
    return this.send(method, target, {
      ...{ callId, from: local, to: remote, cseq: dialog.cseq },
      ...options,
      headers: { Route: routes.length === 0 ? undefined : routes, ...options.headers },
    });
  }

  /**
   * The next message, which must be this request or this response.
   * @param within ms
   * @throws Error when another one or none comes
   */
  async expect(what: string | number, within = SOON): Promise<Message> {
    const deadline = this.#time.now() + within;
    for (;;) {
      const message = this.#unread(what);
      if (message !== undefined) {
        const name = message.status ?? message.method;
        if (name === what) return message;
        throw new Error(`${this.user} expected ${what}, and got ${message.text}`);
      }
      const arrival = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const left = deadline - this.#time.now();
      await this.#time.until(arrival, left).catch(() => {
        throw new Error(`${this.user} expected ${what}, and nothing came within ${within} ms`);
      });
    }
  }

  /** @throws Error when something comes that is no repetition and no 100 */
  async expectNothing(ms = SOON): Promise<void> {
    await this.#time.pass(ms);
    const message = this.#unread(undefined);
    if (message !== undefined) throw new Error(`${this.user} expected nothing, and got ${message.text}`);
  }

  /** When this very message arrived, each time, in ms after the first. */
  timesOf({ text }: Message): number[] {
    const times = this.arrivals.filter(({ message }) => message.text === text).map(({ at }) => at);
    return times.map((at) => Math.round(at - times[0]!));
  }

  #unread(wanted: string | number | undefined): Message | undefined {
    for (;;) {
      const arrival = this.arrivals[this.#next];
      if (arrival === undefined) return undefined;
      this.#next += 1;
      const { message } = arrival;
      if (this.#read.has(message.text) || (message.status === 100 && wanted !== 100)) continue;
      this.#read.add(message.text);
      return message;
    }
  }

  #receive(text: string): void {
    this.arrivals.push({ at: this.#time.now(), message: new Message(text) });
    this.#wake();
  }
}

function identityOf(request: Message) {
  return {
    from: request.header('From'),
    to: request.header('To'),
    callId: request.header('Call-ID'),
    cseq: request.cseq,
    // A Route goes along: the request takes the way of the one it belongs to.
    headers: { Route: request.lines('Route') },
  };
}
