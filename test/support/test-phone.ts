import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
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
} from './sip-text.ts';

/** Audio that nobody sends: to the discard port. */
const OFFER = [
  ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 9 RTP/AVP 0'],
  '',
].join('\r\n');

export interface PhoneOptions {
  port: number;
  domain?: string;
  password?: string;
  /** What an incoming INVITE gets: answered after ringing (default), or this final status. */
  incoming?: 'answer' | number;
}

/** A dialog as one side sees it (RFC 3261 §12). */
interface Dialog {
  callId: string;
  local: string;
  remote: string;
  target: string;
  routes: string[];
  cseq: number;
}

/** How a call attempt ended: the final response, and the dialog where it was answered. */
export class CallAttempt {
  readonly status: number;
  readonly final: SipText;
  readonly rang: boolean;
  readonly dialog: Dialog | undefined;

  constructor(final: SipText, rang: boolean, dialog: Dialog | undefined) {
    this.status = statusOf(final);
    this.final = final;
    this.rang = rang;
    this.dialog = dialog;
  }
}

const T1 = 500;
const GIVE_UP_MS = 20_000;

/**
 * A plain UDP phone, for tests that must run with nothing but Node: several accounts on one socket, digest, calls both
 * ways, BYE. It knows only what an ordinary phone knows: its server's address and its domain.
 */
export class TestPhone {
  readonly #socket = dgram.createSocket('udp4');
  readonly #options: Required<PhoneOptions>;
  #cseq = Math.floor(Math.random() * 1000) + 1;
  readonly #waiting = new Map<string, (response: SipText) => void>();
  /** Dialogs of calls that came in and were acknowledged, newest last. */
  readonly answered: Dialog[] = [];
  /** Call-IDs whose BYE came in. */
  readonly hungUp: string[] = [];
  /** Every request that came in. */
  readonly received: SipText[] = [];

  private constructor(options: PhoneOptions) {
    this.#options = { domain: 'example.org', password: 'secret', incoming: 'answer', ...options };
    this.#socket.on('message', (data) => this.#receive(parseSip(data.toString('latin1'))));
  }

  /** A phone on a free loopback port, closed when the test ends. */
  static async open(t: ExecutionContext, options: PhoneOptions): Promise<TestPhone> {
    const phone = new TestPhone(options);
    phone.#socket.bind(0, '127.0.0.1');
    await once(phone.#socket, 'listening');
    t.teardown(() => phone.#socket.close());
    return phone;
  }

  get port(): number {
    return (this.#socket.address() as AddressInfo).port;
  }

  /** REGISTER with credentials where asked; gives the last response. `expires` 0 removes the binding. */
  async register(user: string, expires = 600): Promise<SipText> {
    const uri = `sip:${this.#options.domain}`;
    return this.#challenged(user, 'REGISTER', uri, (cseq, credentials) =>
      this.#request('REGISTER', uri, {
        from: `<sip:${user}@${this.#options.domain}>;tag=r${user}`,
        to: `<sip:${user}@${this.#options.domain}>`,
        callId: `reg-${user}-${this.port}`,
        cseq,
        more: [...credentials, ['Contact', this.#contact(user)], ['Expires', String(expires)]],
      }),
    );
  }

  /** INVITE to a user of its domain, of another (`user@host`) or to a number (`tel:...`), acknowledged whatever the end. */
  async call(caller: string, callee: string): Promise<CallAttempt> {
    const uri = uriOfCallee(callee, this.#options.domain);
    const callId = randomBytes(8).toString('hex');
    const from = `<sip:${caller}@${this.#options.domain}>;tag=${randomBytes(4).toString('hex')}`;
    let rang = false;
    let cseq = 0;
    const final = await this.#challenged(caller, 'INVITE', uri, async (number, credentials) => {
      cseq = number;
      const more: [string, string][] = [
        ...credentials,
        ['Contact', this.#contact(caller)],
        ['Content-Type', 'application/sdp'],
      ];
      const branch = newBranch();
      const invite = { from, to: `<${uri}>`, callId, cseq, more, branch, body: OFFER };
      const response = await this.#request('INVITE', uri, invite, (provisional) => {
        if (statusOf(provisional) === 180) rang = true;
      });
      // RFC 3261 §17.1.1.3: the ACK for a failure belongs to the INVITE's transaction.
      if (statusOf(response) >= 300) {
        this.#send('ACK', uri, { from, to: header(response, 'to'), callId, cseq, branch, more: [] });
      }
      return response;
    });
    if (statusOf(final) >= 300) return new CallAttempt(final, rang, undefined);
    const dialog: Dialog = {
      callId,
      local: from,
      remote: header(final, 'to'),
      target: uriOf(addresses(final, 'contact')[0] ?? ''),
      routes: addresses(final, 'record-route').reverse(),
      cseq,
    };
    this.#send('ACK', dialog.target, { ...this.#inDialog(dialog), cseq });
    return new CallAttempt(final, rang, dialog);
  }

  /** BYE in a dialog of either direction; gives the status of the answer. */
  async bye(dialog: Dialog): Promise<number> {
    dialog.cseq += 1;
    return statusOf(
      await this.#request('BYE', dialog.target, { ...this.#inDialog(dialog), cseq: dialog.cseq }),
    );
  }

  /** INVITE in a dialog of either direction, acknowledged where accepted; gives the final response (RFC 3261 §14.1). */
  async reinvite(dialog: Dialog): Promise<SipText> {
    dialog.cseq += 1;
    const { cseq } = dialog;
    const parts = this.#inDialog(dialog);
    const user = /sip:([^@;>]+)@/.exec(dialog.local)?.[1] ?? 'phone';
    const more: [string, string][] = [...parts.more, ['Contact', this.#contact(user)]];
    const response = await this.#request('INVITE', dialog.target, { ...parts, cseq, more });
    if (statusOf(response) < 300) this.#send('ACK', dialog.target, { ...parts, cseq });
    return response;
  }

  #contact(user: string): string {
    return `<sip:${user}@127.0.0.1:${this.port}>`;
  }

  #inDialog(dialog: Dialog) {
    const more = dialog.routes.map((route): [string, string] => ['Route', route]);
    return { from: dialog.local, to: dialog.remote, callId: dialog.callId, more };
  }

  async #challenged(
    user: string,
    method: string,
    uri: string,
    send: (cseq: number, credentials: [string, string][]) => Promise<SipText>,
  ): Promise<SipText> {
    // RFC 3261 §10.2: the CSeq of one Call-ID's REGISTERs only grows.
    const first = this.#cseq;
    this.#cseq += 2;
    const response = await send(first, []);
    const status = statusOf(response);
    if (status !== 401 && status !== 407) return response;
    const challenge = header(response, status === 401 ? 'www-authenticate' : 'proxy-authenticate');
    const credentials = authorize(challenge, {
      method,
      uri,
      username: user,
      password: this.#options.password,
    });
    return send(first + 1, [[status === 401 ? 'Authorization' : 'Proxy-Authorization', credentials]]);
  }

  #send(method: string, uri: string, parts: RequestParts): void {
    const via = `SIP/2.0/UDP 127.0.0.1:${this.port};branch=${parts.branch ?? newBranch()};rport`;
    this.#write(
      formatSip(
        `${method} ${uri} SIP/2.0`,
        [
          ['Via', via],
          ['Max-Forwards', '70'],
          ['From', parts.from],
          ['To', parts.to],
          ['Call-ID', parts.callId],
          ['CSeq', `${parts.cseq} ${method}`],
          ...parts.more,
        ],
        parts.body,
      ),
    );
  }

  /** Sends with retransmissions until a final response (INVITE: until any). @throws Error after 20 s */
  #request(
    method: string,
    uri: string,
    parts: RequestParts,
    onProvisional: (response: SipText) => void = () => {},
  ): Promise<SipText> {
    const complete = { ...parts, branch: parts.branch ?? newBranch() };
    return new Promise((resolve, reject) => {
      let interval = T1;
      const send = () => {
        this.#send(method, uri, complete);
        timer = setTimeout(send, interval);
        interval *= 2;
      };
      let timer: NodeJS.Timeout;
      const limit = setTimeout(() => {
        clearTimeout(timer);
        this.#waiting.delete(complete.branch);
        reject(new Error(`${method} ${uri}: no final response within ${GIVE_UP_MS} ms`));
      }, GIVE_UP_MS);
      this.#waiting.set(complete.branch, (response) => {
        if (method === 'INVITE' || statusOf(response) >= 200) clearTimeout(timer);
        if (statusOf(response) < 200) return onProvisional(response);
        clearTimeout(limit);
        this.#waiting.delete(complete.branch);
        resolve(response);
      });
      send();
    });
  }

  #receive(message: SipText): void {
    if (message.start.startsWith('SIP/2.0')) {
      const branch = /branch=([^;,\s]+)/.exec(header(message, 'via'))?.[1] ?? '';
      this.#waiting.get(branch)?.(message);
      return;
    }
    this.received.push(message);
    const method = methodOf(message);
    if (method === 'INVITE') this.#ring(message);
    else if (method === 'ACK') return;
    else {
      if (method === 'BYE') this.hungUp.push(header(message, 'call-id'));
      this.#respond(message, 200, 'OK');
    }
  }

  #ring(invite: SipText): void {
    const callId = header(invite, 'call-id');
    const known =
      /;tag=/.test(header(invite, 'to')) || this.answered.some((dialog) => dialog.callId === callId);
    const { incoming } = this.#options;
    if (incoming !== 'answer') {
      this.#respond(invite, incoming, 'Refused');
      return;
    }
    const user = /sip:([^@;>]+)@/.exec(header(invite, 'to'))?.[1] ?? 'phone';
    if (!known) {
      this.answered.push({
        callId,
        local: `${header(invite, 'to')};tag=${tagOf(callId)}`,
        remote: header(invite, 'from'),
        target: uriOf(header(invite, 'contact')),
        routes: addresses(invite, 'record-route'),
        cseq: 100,
      });
      this.#respond(invite, 180, 'Ringing', user);
    }
    this.#respond(invite, 200, 'OK', user);
  }

  #respond(request: SipText, status: number, reason: string, contactUser?: string): void {
    const copy = (name: string, written: string) =>
      (request.headers.get(name) ?? []).map((value): [string, string] => [written, value]);
    const to = header(request, 'to');
    const tag = /;tag=/.test(to) ? '' : `;tag=${tagOf(header(request, 'call-id'))}`;
    this.#write(
      formatSip(`SIP/2.0 ${status} ${reason}`, [
        ...copy('via', 'Via'),
        ...(contactUser === undefined ? [] : copy('record-route', 'Record-Route')),
        ...copy('from', 'From'),
        ['To', to + tag],
        ...copy('call-id', 'Call-ID'),
        ...copy('cseq', 'CSeq'),
        ...(contactUser === undefined ? [] : [['Contact', this.#contact(contactUser)] as [string, string]]),
      ]),
    );
  }

  #write(text: string): void {
    this.#socket.send(Buffer.from(text, 'latin1'), this.#options.port, '127.0.0.1');
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

function uriOfCallee(callee: string, domain: string): string {
  if (callee.startsWith('tel:')) return callee;
  return callee.includes('@') ? `sip:${callee}` : `sip:${callee}@${domain}`;
}

function newBranch(): string {
  return `z9hG4bK${randomBytes(8).toString('hex')}`;
}

function tagOf(callId: string): string {
  return `t${Buffer.from(callId).toString('hex').slice(0, 8)}`;
}
