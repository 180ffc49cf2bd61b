import { SessionManager, SessionState } from './sip.js';

/** Nobody but the other phone is asked for addresses: no STUN, no TURN (RFC 8838 host candidates alone). */
const MEDIA = {
  iceGatheringTimeout: 1000,
  peerConnectionConfiguration: { iceServers: [] },
};
const BUSY_HERE = 486;
const DECLINE = 603;

/**
 * One account at one server, and one call at a time: the user agent of sip.js as it comes.
 * @typedef {object} LineEvents
 * @property {(isRegistered: boolean, why?: string) => void} onRegistration
 * @property {(call: { state: 'incoming' | 'outgoing' | 'ringing' | 'talking' | 'over', who: string, why?: string }) => void} onCall
 */
export class Line {
  #manager;
  #events;
  #domain;
  #session;
  #why;

  /**
   * @param {{ server: string, aor: string, password: string, audio: HTMLAudioElement }} account
   * @param {LineEvents} events
   */
  constructor({ server, aor, password, audio }, events) {
    this.#events = events;
    this.#domain = aor.slice(aor.lastIndexOf('@') + 1);
    this.#manager = new SessionManager(server, {
      aor: `sip:${aor}`,
      reconnectionAttempts: 60,
      reconnectionDelay: 3,
      sendDTMFUsingSessionDescriptionHandler: true,
      media: { constraints: { audio: true, video: false }, remote: { audio } },
      delegate: {
        onRegistered: () => events.onRegistration(true),
        onUnregistered: () => events.onRegistration(false),
        onServerDisconnect: (error) =>
          events.onRegistration(false, error && 'The connection was lost; trying again…'),
        onCallReceived: (session) => this.#ringing(session),
        onCallAnswered: (session) => this.#changed(session, 'talking'),
        onCallHangup: (session) => this.#over(session),
      },
      userAgentOptions: {
        authorizationUsername: aor.slice(0, aor.lastIndexOf('@')),
        authorizationPassword: password,
        logLevel: 'warn',
        sessionDescriptionHandlerFactoryOptions: MEDIA,
      },
    });
  }

  /** Resolves when the server was asked; whether it agreed comes as an event. @throws Error when it cannot be reached */
  async register() {
    await this.#manager.connect();
    await this.#manager.register({
      requestDelegate: {
        onReject: ({ message }) =>
          this.#events.onRegistration(false, `Refused: ${message.statusCode} ${message.reasonPhrase}`),
      },
    });
  }

  async unregister() {
    await this.#manager.unregister().catch(() => {});
    await this.#manager.disconnect().catch(() => {});
  }

  /** @param {string} who `bob`, `bob@example.org` or a number */
  async call(who) {
    const name = who.replace(/^sips?:/, '').trim();
    const target = `sip:${name.includes('@') ? name : `${name}@${this.#domain}`}`;
    this.#why = undefined;
    const requestDelegate = {
      onProgress: ({ message }) => {
        if (message.statusCode > 100) this.#changed(this.#session, 'ringing');
      },
      onReject: ({ message }) => {
        this.#why = reasonOf(message.statusCode, message.reasonPhrase);
      },
    };
    this.#events.onCall({ state: 'outgoing', who: name });
    try {
      this.#session = await this.#manager.call(target, undefined, { requestDelegate });
    } catch (error) {
      this.#session = undefined;
      this.#events.onCall({ state: 'over', who: name, why: mediaProblem(error) });
    }
  }

  async answer() {
    const session = this.#session;
    await this.#manager.answer(session).catch((error) => {
      this.#why = mediaProblem(error);
      return this.#manager.decline(session).catch(() => {});
    });
  }

  async hangUp() {
    const session = this.#session;
    if (session === undefined) return;
    const isRinging = session.state === SessionState.Initial && 'accept' in session;
    await (isRinging ? session.reject({ statusCode: DECLINE }) : this.#manager.hangup(session)).catch(
      () => {},
    );
  }

  /** @returns whether the microphone is off now */
  toggleMute() {
    if (this.#session === undefined) return false;
    const isMuted = this.#manager.isMuted(this.#session);
    if (isMuted) this.#manager.unmute(this.#session);
    else this.#manager.mute(this.#session);
    return !isMuted;
  }

  /** RFC 4733, within the media. */
  async tone(digit) {
    if (this.#session?.state === SessionState.Established)
      await this.#manager.sendDTMF(this.#session, digit).catch(() => {});
  }

  /** The two sides of the call as they sound; undefined before there is media. */
  get streams() {
    const session = this.#session;
    return {
      mine: session && this.#manager.getLocalMediaStream(session),
      theirs: session && this.#manager.getRemoteMediaStream(session),
    };
  }

  #ringing(session) {
    if (this.#session !== undefined) {
      void session.reject({ statusCode: BUSY_HERE });
      return;
    }
    this.#session = session;
    this.#why = undefined;
    this.#changed(session, 'incoming');
  }

  #changed(session, state) {
    if (session === this.#session && session !== undefined)
      this.#events.onCall({ state, who: nameOf(session) });
  }

  #over(session) {
    if (session !== this.#session) return;
    this.#session = undefined;
    // sip.js ends the session first, and says why right after.
    queueMicrotask(() => this.#events.onCall({ state: 'over', who: nameOf(session), why: this.#why }));
  }
}

function nameOf({ remoteIdentity: { displayName, uri } }) {
  const name = `${uri.user ?? ''}@${uri.host}`;
  return displayName ? `${displayName} (${name})` : name;
}

function reasonOf(status, phrase) {
  switch (status) {
    case 403:
      return 'Not allowed.';
    case 404:
      return 'There is nobody of that name.';
    case 408:
    case 480:
      return 'No phone of theirs answers now.';
    case 486:
    case 600:
      return 'Busy.';
    case 487:
      return undefined;
    case 488:
    case 606:
      return 'Their phone has no media in common with a browser: the call needs a media relay at the peer.';
    case 603:
      return 'Declined.';
    default:
      return `${status} ${phrase}`;
  }
}

function mediaProblem(error) {
  if (error?.name === 'NotAllowedError') return 'The browser does not let this page use the microphone.';
  if (error?.name === 'NotFoundError') return 'There is no microphone.';
  return error?.message ?? String(error);
}
