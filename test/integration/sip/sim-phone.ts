import type { Address, Connection, DatagramSocket, Network, Timer } from '../../../src/base/index.ts';
import type { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import {
  addresses,
  authorize,
  formatSip,
  header,
  methodOf,
  parseSip,
  type SipText,
  statusOf,
  uriOf,
} from '../../support/sip-text.ts';

export type SimTransport = 'UDP' | 'TCP' | 'TLS';

export interface SimPhoneOptions {
  readonly clock: VirtualClock;
  readonly network: Network;
  readonly host: string;
  readonly port?: number;
  readonly server: Address;
  readonly user: string;
  readonly password?: string;
  readonly transport?: SimTransport;
  /** Whether it registers, and is to be reached, by SIPS (RFC 5630). */
  readonly sips?: boolean;
  /** What it puts into Via and Contact, when a NAT gives it another address. */
  readonly believes?: Address;
  readonly incoming?: Incoming;
  /** +sip.instance, without its quotes and brackets. */
  readonly instance?: string;
  /** Whether it asks for GRUUs (RFC 5627), and in which of them it then puts its trust. */
  readonly gruu?: 'pub-gruu' | 'temp-gruu';
  /** Which of its flows this is (RFC 5626 §4.2). */
  readonly regId?: number;
  /** q of its Contact. */
  readonly q?: number;
  readonly body?: string;
  /** Headers that every initial request carries. */
  readonly headers?: readonly [string, string][];
}

/** What an incoming INVITE gets: 180 and 200, 180 until told otherwise, a final status, or nothing at all. */
export type Incoming = 'answer' | 'ring' | 'ignore' | number;

/** One side of a dialog (RFC 3261 §12). */
export interface SimDialog {
  readonly callId: string;
  readonly local: string;
  readonly remote: string;
  readonly target: string;
  readonly routes: readonly string[];
  cseq: number;
}

export interface Outcome {
  readonly status: number;
  readonly final: SipText;
  /** Statuses of the provisional responses seen before, each once. */
  readonly provisional: readonly number[];
  readonly dialog: SimDialog | undefined;
}

interface Waiting {
  onResponse(response: SipText): void;
}

const T1 = 500;
const T2 = 4_000;
const LIFETIME = 64 * T1;

let serial = 0;
const unique = () => `${(++serial).toString(36)}x`;

/**
 * A phone in virtual time, written against the RFC alone: it shares no code with src/sip. It retransmits, digests,
 * routes by Record-Route, and answers as told.
 */
export class SimPhone {
  /** Requests received, retransmissions left out. */
  readonly received: SipText[] = [];
  /** Where each datagram came from, whatever it was. */
  readonly datagramsFrom: string[] = [];
  /** Dialogs of calls it answered and that were acknowledged, newest last. */
  readonly answered: SimDialog[] = [];
  incoming: Incoming;
  /** The GRUU it was last given. */
  gruu: string | undefined;
  /** Headers of its refusals. */
  refusal: readonly [string, string][] = [];
  readonly #options: SimPhoneOptions;
  readonly #waiting = new Map<string, Waiting>();
  /** Last response by server transaction. */
  readonly #responses = new Map<string, string | undefined>();
  readonly #unacknowledged = new Map<string, Timer>();
  readonly #ringing = new Map<string, SipText>();
  #socket: DatagramSocket | undefined;
  #connection: Connection | undefined;
  #buffer = '';
  #port = 0;
  #cseq = 100;
  #registerId = unique();

  private constructor(options: SimPhoneOptions) {
    this.#options = options;
    this.incoming = options.incoming ?? 'answer';
  }

  static async open(options: SimPhoneOptions): Promise<SimPhone> {
    const phone = new SimPhone(options);
    await phone.#connect();
    return phone;
  }

  get #scheme(): 'sip' | 'sips' {
    return this.#options.sips ? 'sips' : 'sip';
  }

  get aor(): string {
    return `${this.#scheme}:${this.#options.user}@example.org`;
  }

  /** Its Contact in calls. */
  get contact(): string {
    return this.gruu === undefined ? this.#address : `<${this.gruu}>`;
  }

  get #address(): string {
    const { user, believes, host, transport = 'UDP' } = this.#options;
    const { host: seen, port } = believes ?? { host, port: this.#port };
    if (this.#options.sips) return `<sips:${user}@${seen}:${port}>`;
    return `<sip:${user}@${seen}:${port}${transport === 'UDP' ? '' : `;transport=${transport.toLowerCase()}`}>`;
  }

  #features(): string {
    const { instance, regId, q } = this.#options;
    const flow = regId === undefined ? '' : `;reg-id=${regId}`;
    const named = instance === undefined ? '' : `;+sip.instance="<${instance}>"${flow}`;
    return q === undefined ? named : `${named};q=${q}`;
  }

  /** Methods of the requests received. */
  get methods(): string[] {
    return this.received.map(methodOf);
  }

  /** Drops the connection and opens another. */
  async reconnect(): Promise<void> {
    this.#connection?.destroy();
    this.#buffer = '';
    await this.#connect();
  }

  async register(expires = 600): Promise<Outcome> {
    const callId = this.#registerId;
    const { regId, gruu } = this.#options;
    const registrar = `${this.#scheme}:example.org`;
    const outcome = await this.#challenged('REGISTER', registrar, (cseq, credentials) =>
      this.request('REGISTER', registrar, {
        from: `<${this.aor}>;tag=${unique()}`,
        to: `<${this.aor}>`,
        callId,
        cseq,
        more: [
          ['Contact', this.#address + this.#features()],
          ['Expires', String(expires)],
          [
            'Supported',
            `path${regId === undefined ? '' : ', outbound'}${gruu === undefined ? '' : ', gruu'}`,
          ],
          ...credentials,
        ],
      }),
    );
    const given = addresses(outcome.final, 'contact').find((contact) => contact.startsWith(this.#address));
    this.gruu = gruu && new RegExp(`;${gruu}="(.*?)"`).exec(given ?? '')?.[1];
    return outcome;
  }

  /** @param onRinging called at the first 18x, with a way to cancel */
  call(uri: string, onRinging: (cancel: () => void) => void = () => {}): Promise<Outcome> {
    const callId = unique();
    const from = `<${this.aor}>;tag=${unique()}`;
    return this.#challenged('INVITE', uri, async (cseq, credentials) => {
      const branch = `z9hG4bK${unique()}`;
      const parts = { from, to: `<${uri}>`, callId, cseq, branch };
      const more: [string, string][] = [
        ['Contact', this.contact],
        ...(this.#options.headers ?? []),
        ...credentials,
      ];
      let rang = false;
      const cancel = () => void this.request('CANCEL', uri, { ...parts, more: [] });
      const outcome = await this.request(
        'INVITE',
        uri,
        { ...parts, more, body: this.#options.body ?? 'v=0\r\n' },
        (provisional) => {
          if (rang || statusOf(provisional) === 100) return;
          rang = true;
          onRinging(cancel);
        },
      );
      if (outcome.status >= 300) return outcome;
      const { final } = outcome;
      const dialog: SimDialog = {
        callId,
        local: from,
        remote: header(final, 'to'),
        target: uriOf(addresses(final, 'contact')[0] ?? ''),
        routes: addresses(final, 'record-route').reverse(),
        cseq,
      };
      return { ...outcome, dialog };
    });
  }

  /** A request within a dialog. */
  inDialog(dialog: SimDialog, method = 'BYE'): Promise<Outcome> {
    dialog.cseq += 1;
    return this.request(method, dialog.target, {
      from: dialog.local,
      to: dialog.remote,
      callId: dialog.callId,
      cseq: dialog.cseq,
      more: dialog.routes.map((route): [string, string] => ['Route', route]),
    });
  }

  /** RFC 5626 §3.5.1. */
  keepAlive(): void {
    this.#write('\r\n\r\n');
  }

  /** Says of the calls it ignored so far that they ring. */
  ringLate(): void {
    for (const invite of this.#ringing.values()) this.#respond(invite, 180);
  }

  /** Ends the ringing of all calls with this status. */
  pickUp(status = 200): void {
    for (const invite of [...this.#ringing.values()]) this.#finish(invite, status);
  }

  /** Sends with retransmissions until a final response; ACKs what an INVITE gets. */
  request(
    method: string,
    uri: string,
    parts: RequestParts,
    onProvisional: (response: SipText) => void = () => {},
  ): Promise<Outcome> {
    const { clock, transport = 'UDP' } = this.#options;
    const branch = parts.branch ?? `z9hG4bK${unique()}`;
    const text = this.#format(method, uri, { ...parts, branch });
    const provisional: number[] = [];
    return new Promise((resolve, reject) => {
      let interval = T1;
      let repeat: Timer | undefined;
      const send = () => {
        this.#write(text);
        if (transport !== 'UDP') return;
        repeat = clock.setTimer(interval, send);
        interval = method === 'INVITE' ? interval * 2 : Math.min(interval * 2, T2);
      };
      let limit: Timer | undefined = clock.setTimer(LIFETIME, () => {
        repeat?.close();
        this.#waiting.delete(`${branch} ${method}`);
        reject(new Error(`${method} ${uri}: no final response`));
      });
      let settled = false;
      this.#waiting.set(`${branch} ${method}`, {
        onResponse: (response) => {
          const status = statusOf(response);
          if (method === 'INVITE') repeat?.close();
          if (status < 200) {
            if (method === 'INVITE') limit?.close();
            if (!provisional.includes(status)) provisional.push(status);
            onProvisional(response);
            return;
          }
          repeat?.close();
          limit?.close();
          limit = undefined;
          if (method === 'INVITE') this.#acknowledge(uri, { ...parts, branch }, response);
          if (settled) return;
          settled = true;
          resolve({ status, final: response, provisional, dialog: undefined });
        },
      });
      send();
    });
  }

  async #connect(): Promise<void> {
    const { network, host, port = 0, server, transport = 'UDP' } = this.#options;
    if (transport === 'UDP') {
      this.#socket ??= await network.bindDatagram(
        { host, port },
        {
          onDatagram: (data, from) => {
            this.datagramsFrom.push(from.host);
            this.#onMessage(parseSip(data.toString('latin1')));
          },
        },
      );
      this.#port = this.#socket.local.port;
      return;
    }
    const connection = await network.connect(server, transport === 'TLS' ? { tls: {} } : {});
    connection.setHandler({ onData: (chunk) => this.#onData(chunk), onClose: () => {} });
    this.#connection = connection;
    this.#port = connection.local.port;
  }

  #onData(chunk: Buffer): void {
    this.#buffer += chunk.toString('latin1');
    for (;;) {
      // The answer to a keepalive.
      this.#buffer = this.#buffer.replace(/^(\r\n)+/, '');
      const end = this.#buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/^content-length:\s*(\d+)/im.exec(this.#buffer.slice(0, end))?.[1] ?? 0);
      if (this.#buffer.length < end + 4 + length) return;
      const text = this.#buffer.slice(0, end + 4 + length);
      this.#buffer = this.#buffer.slice(text.length);
      this.#onMessage(parseSip(text));
    }
  }

  #onMessage(message: SipText): void {
    if (!message.start.startsWith('SIP/2.0')) this.#onRequest(message);
    else this.#waiting.get(`${branchOf(message)} ${methodOf(message)}`)?.onResponse(message);
  }

  #onRequest(request: SipText): void {
    const method = methodOf(request);
    const callId = header(request, 'call-id');
    if (method === 'ACK') {
      const first = this.#unacknowledged.get(callId);
      first?.close();
      if (this.#unacknowledged.delete(callId)) this.received.push(request);
      return;
    }
    const key = `${branchOf(request)} ${method}`;
    if (this.#responses.has(key)) {
      const last = this.#responses.get(key);
      if (last !== undefined) this.#write(last);
      return;
    }
    this.#responses.set(key, undefined);
    this.received.push(request);
    if (method === 'INVITE' && !/;tag=/.test(header(request, 'to'))) this.#onInvite(request);
    else if (method === 'CANCEL') this.#onCancel(request);
    else if (this.incoming !== 'ignore') this.#respond(request, 200);
  }

  #onInvite(invite: SipText): void {
    if (this.incoming === 'ignore') {
      this.#ringing.set(header(invite, 'call-id'), invite);
      return;
    }
    if (typeof this.incoming === 'number') {
      this.#finish(invite, this.incoming);
      return;
    }
    this.#ringing.set(header(invite, 'call-id'), invite);
    this.#respond(invite, 180);
    if (this.incoming === 'answer') this.#finish(invite, 200);
  }

  #onCancel(cancel: SipText): void {
    this.#respond(cancel, 200);
    const invite = this.#ringing.get(header(cancel, 'call-id'));
    if (invite !== undefined) this.#finish(invite, 487);
  }

  /** A final response to an INVITE, again and again until its ACK. */
  #finish(invite: SipText, status: number): void {
    const callId = header(invite, 'call-id');
    this.#ringing.delete(callId);
    if (status < 300) {
      this.answered.push({
        callId,
        local: `${header(invite, 'to')};tag=t${this.#options.user}`,
        remote: header(invite, 'from'),
        target: uriOf(header(invite, 'contact')),
        routes: addresses(invite, 'record-route'),
        cseq: this.#cseq,
      });
    }
    const { clock } = this.#options;
    const start = clock.monotonic();
    let interval = T1;
    const send = () => {
      this.#respond(invite, status);
      if (clock.monotonic() - start > LIFETIME) return;
      this.#unacknowledged.set(callId, clock.setTimer(interval, send));
      interval = Math.min(interval * 2, T2);
    };
    send();
  }

  #respond(request: SipText, status: number): void {
    const copy = (name: string, written: string) =>
      (request.headers.get(name) ?? []).map((value): [string, string] => [written, value]);
    const to = header(request, 'to');
    const isInvite = methodOf(request) === 'INVITE';
    const text = formatSip(`SIP/2.0 ${status} Reason`, [
      ...copy('via', 'Via'),
      ...(isInvite ? copy('record-route', 'Record-Route') : []),
      ...copy('from', 'From'),
      ['To', /;tag=/.test(to) ? to : `${to};tag=t${this.#options.user}`],
      ...copy('call-id', 'Call-ID'),
      ...copy('cseq', 'CSeq'),
      ...(isInvite ? [['Contact', this.contact] as [string, string]] : []),
      ...(status >= 300 ? this.refusal : []),
    ]);
    this.#responses.set(`${branchOf(request)} ${methodOf(request)}`, text);
    this.#write(text);
  }

  /** RFC 3261 §13.2.2.4 for a 2xx, §17.1.1.3 for all else. */
  #acknowledge(uri: string, parts: RequestParts & { branch: string }, final: SipText): void {
    const { from, callId, cseq, branch } = parts;
    const to = header(final, 'to');
    if (statusOf(final) >= 300) {
      this.#write(this.#format('ACK', uri, { from, to, callId, cseq, branch, more: [] }));
      return;
    }
    const routes = addresses(final, 'record-route').reverse();
    const more = routes.map((route): [string, string] => ['Route', route]);
    const target = uriOf(addresses(final, 'contact')[0] ?? '');
    this.#write(this.#format('ACK', target, { from, to, callId, cseq, more, branch: `z9hG4bK${unique()}` }));
  }

  async #challenged(
    method: string,
    uri: string,
    send: (cseq: number, credentials: [string, string][]) => Promise<Outcome>,
  ): Promise<Outcome> {
    const first = await send(++this.#cseq, []);
    if (first.status !== 401 && first.status !== 407) return first;
    const challenge = header(first.final, first.status === 401 ? 'www-authenticate' : 'proxy-authenticate');
    const { user: username, password = 'secret' } = this.#options;
    const credentials = authorize(challenge, { method, uri, username, password });
    return send(++this.#cseq, [
      [first.status === 401 ? 'Authorization' : 'Proxy-Authorization', credentials],
    ]);
  }

  #format(method: string, uri: string, parts: RequestParts & { branch: string }): string {
    const { believes, host, transport = 'UDP' } = this.#options;
    const { host: seen, port } = believes ?? { host, port: this.#port };
    return formatSip(
      `${method} ${uri} SIP/2.0`,
      [
        ['Via', `SIP/2.0/${transport} ${seen}:${port};branch=${parts.branch};rport`],
        ['Max-Forwards', '70'],
        ['From', parts.from],
        ['To', parts.to],
        ['Call-ID', parts.callId],
        ['CSeq', `${parts.cseq} ${method}`],
        ...parts.more,
      ],
      parts.body,
    );
  }

  #write(text: string): void {
    const data = Buffer.from(text, 'latin1');
    if (this.#socket !== undefined) this.#socket.send(data, this.#options.server);
    else this.#connection?.send(data);
  }
}

interface RequestParts {
  from: string;
  to: string;
  callId: string;
  cseq: number;
  more: [string, string][];
  branch?: string;
  body?: string;
}

function branchOf(message: SipText): string {
  return /branch=([^;,\s]+)/.exec(header(message, 'via'))?.[1] ?? '';
}
