import { EventEmitter, once } from 'node:events';
import type { Core, Session } from 'sip.js';
import type { PaperMedia } from './sip-js-media.ts';

const STEP_MS = 10_000;

/** One side of a call: the sip.js session, and what it went through. */
export class SipJsCall<S extends Session = Session> {
  readonly session: S;
  /** In order: the states the session entered, responses to its INVITE by status, requests that came in by name. */
  readonly log: string[] = [];
  readonly #events = new EventEmitter();
  /** How much of the log was waited for. */
  #seen = 0;

  constructor(session: S) {
    this.session = session;
    session.stateChange.addListener((state) => this.#note(state));
    session.delegate = {
      onAck: () => this.#note('ACK'),
      onBye: (bye) => {
        this.#note('BYE');
        void bye.accept();
      },
      onCancel: () => this.#note('CANCEL'),
      onInfo: (info) => {
        this.#note(`INFO ${info.request.body}`);
        void info.accept();
      },
      onInvite: () => this.#note('INVITE'),
    };
  }

  get media(): PaperMedia {
    return this.session.sessionDescriptionHandler as PaperMedia;
  }

  /** Notes the responses to the INVITE that makes the call. */
  readonly onResponse: Core.OutgoingRequestDelegate = {
    onProgress: ({ message }) => this.#note(String(message.statusCode)),
    onAccept: ({ message }) => this.#note(String(message.statusCode)),
    onReject: ({ message }) => this.#note(String(message.statusCode)),
  };

  /**
   * Resolves when the entry is in the log, after those waited for before.
   * @throws Error with the log after 10 s
   */
  async until(entry: string): Promise<void> {
    const signal = AbortSignal.timeout(STEP_MS);
    let place = this.log.indexOf(entry, this.#seen);
    while (place < 0) {
      await once(this.#events, 'entry', { signal }).catch(() => {
        throw new Error(`no ${entry} within ${STEP_MS} ms, only: ${this.log.join(', ')}`);
      });
      place = this.log.indexOf(entry, this.#seen);
    }
    this.#seen = place + 1;
  }

  /** A new offer in the dialog; gives the status of the answer. */
  reinvite(): Promise<number> {
    return finalStatus('re-INVITE', (requestDelegate) => this.session.invite({ requestDelegate }));
  }

  info(content: string): Promise<number> {
    const body = { contentDisposition: 'render', contentType: 'text/plain', content };
    return finalStatus('INFO', (requestDelegate) =>
      this.session.info({ requestDelegate, requestOptions: { body } }),
    );
  }

  bye(): Promise<number> {
    return finalStatus('BYE', (requestDelegate) => this.session.bye({ requestDelegate }));
  }

  #note(entry: string): void {
    this.log.push(entry);
    this.#events.emit('entry');
  }
}

/** Sends a request and gives the status of its final response. @throws Error when none comes within 10 s */
export function finalStatus(
  what: string,
  send: (delegate: Core.OutgoingRequestDelegate) => Promise<unknown>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`${what}: no final response within ${STEP_MS} ms`)),
      STEP_MS,
    );
    const done = ({ message }: Core.IncomingResponse) => {
      clearTimeout(limit);
      resolve(message.statusCode ?? 0);
    };
    send({ onAccept: done, onRedirect: done, onReject: done }).catch(reject);
  });
}
