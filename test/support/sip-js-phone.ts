import { EventEmitter, once } from 'node:events';
import type { ExecutionContext } from 'ava';
import {
  type Invitation,
  Inviter,
  type Message,
  Messager,
  type Notification,
  Registerer,
  Subscriber,
  SubscriptionState,
  type URI,
  UserAgent,
} from 'sip.js';
import { finalStatus, SipJsCall } from './sip-js-call.ts';
import { PaperMedia } from './sip-js-media.ts';
import { SipJsTransport, type SipJsTransportOptions } from './sip-js-transport.ts';

const STEP_MS = 10_000;

export interface SipJsPhoneOptions {
  /** `ws` and `wss`: over the WebSocket transport of sip.js itself. */
  transport: SipJsTransportOptions['transport'] | 'ws' | 'wss';
  /** Of the server. */
  port: number;
  /** Of the server; 127.0.0.1 when left out. */
  host?: string;
  user: string;
  domain?: string;
  password?: string;
  /** A UUID: it registers as this instance (RFC 5626 §4.1), and so is given GRUUs. */
  instance?: string;
}

/**
 * The user agent of sip.js as it comes from npm, with a socket in place of its WebSocket or with `ws`, and no media. As in a
 * browser it knows no address of its own: its Via and Contact name a host under `.invalid`.
 */
export class SipJsPhone {
  readonly user: string;
  readonly registerer: Registerer;
  /** What sip.js logged as a warning or an error. */
  readonly complaints: string[] = [];
  readonly #agent: UserAgent;
  readonly #domain: string;
  readonly #incoming = new EventEmitter();

  private constructor(options: SipJsPhoneOptions) {
    const { user, domain = 'example.org', password = 'secret', instance, ...server } = options;
    this.user = user;
    this.#domain = domain;
    const { transport, port, host = '127.0.0.1' } = server;
    this.#agent = new UserAgent({
      uri: this.#uri(user),
      authorizationUsername: user,
      authorizationPassword: password,
      contactParams: { transport: transport === 'wss' ? 'ws' : transport },
      forceRport: transport === 'udp',
      ...(transport === 'ws' || transport === 'wss'
        ? {
            transportOptions: { server: `${transport}://${host.includes(':') ? `[${host}]` : host}:${port}` },
          }
        : { transportConstructor: SipJsTransport, transportOptions: { transport, port, host } }),
      sessionDescriptionHandlerFactory: () => new PaperMedia(user),
      logBuiltinEnabled: false,
      logConnector: (level, category, _label, content) => {
        if (level === 'error' || level === 'warn') this.complaints.push(`${category}: ${content}`);
      },
      delegate: {
        onInvite: (invitation) => this.#incoming.emit('call', new SipJsCall(invitation)),
        onMessage: (message) => {
          void message.accept();
          this.#incoming.emit('message', message);
        },
      },
    });
    this.registerer = new Registerer(this.#agent, {
      expires: 600,
      ...(instance !== undefined && { instanceId: instance }),
    });
  }

  /** A phone connected to its server; it hangs up, unregisters and closes when the test ends. */
  static async open(t: ExecutionContext, options: SipJsPhoneOptions): Promise<SipJsPhone> {
    const phone = new SipJsPhone(options);
    await phone.#agent.start();
    t.teardown(() => phone.#agent.stop());
    return phone;
  }

  register(): Promise<number> {
    return finalStatus('REGISTER', (requestDelegate) => this.registerer.register({ requestDelegate }));
  }

  unregister(): Promise<number> {
    return finalStatus('REGISTER', (requestDelegate) => this.registerer.unregister({ requestDelegate }));
  }

  /**
   * Sends the INVITE.
   * @param callee a user of its domain, or a URI
   */
  async call(
    callee: string,
    options: { anonymous?: boolean; extraHeaders?: string[] } = {},
  ): Promise<SipJsCall<Inviter>> {
    const call = new SipJsCall(new Inviter(this.#agent, this.#uri(callee), options));
    await call.session.invite({ requestDelegate: call.onResponse });
    return call;
  }

  /** The next call that comes in; by then sip.js has sent its 180. */
  nextCall(): Promise<SipJsCall<Invitation>> {
    return this.#next('call');
  }

  /** Sends a MESSAGE and gives the status of the answer. */
  message(to: string, text: string): Promise<number> {
    const messager = new Messager(this.#agent, this.#uri(to), text);
    return finalStatus('MESSAGE', (requestDelegate) => messager.message({ requestDelegate }));
  }

  /**
   * Subscribes to an event package of a user.
   * @returns once it is refused, or the first NOTIFY has come: the bodies of all that come, and a way to end it
   */
  async subscribe(
    to: string,
    event: string,
  ): Promise<{ accepted: boolean; bodies: string[]; end(): Promise<void> }> {
    const subscriber = new Subscriber(this.#agent, this.#uri(to), event, { expires: 600 });
    const bodies: string[] = [];
    const accepted = new Promise<boolean>((resolve) => {
      subscriber.delegate = {
        onNotify: (notification: Notification) => {
          void notification.accept();
          bodies.push(notification.request.body);
          resolve(true);
        },
      };
      subscriber.stateChange.addListener((state) => {
        if (state === SubscriptionState.Terminated) resolve(false);
      });
    });
    await subscriber.subscribe();
    return { accepted: await accepted, bodies, end: () => subscriber.unsubscribe() };
  }

  nextMessage(): Promise<Message> {
    return this.#next('message');
  }

  async #next<T>(what: string): Promise<T> {
    const [value] = await once(this.#incoming, what, { signal: AbortSignal.timeout(STEP_MS) }).catch(() => {
      throw new Error(`${this.user}: no ${what} within ${STEP_MS} ms; ${this.complaints.join('; ')}`);
    });
    return value;
  }

  #uri(user: string): URI {
    const text = user.includes(':') ? user : `sip:${user}@${this.#domain}`;
    const uri = UserAgent.makeURI(text);
    if (uri === undefined) throw new Error(`sip.js cannot read ${text}`);
    return uri;
  }
}
