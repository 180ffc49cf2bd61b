import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConsoleSession } from './console-session.ts';
import { isSecure } from './http-guard.ts';
import type { LiveFeed } from './live-feed.ts';
import type { PhoneSettings } from './phone-settings.ts';
import { ok, refusal } from './routes.ts';
import { sendAnswer } from './send-answer.ts';
import type { WebFiles } from './web-files.ts';

export interface WebConsoleDeps {
  readonly files: WebFiles;
  readonly feed: LiveFeed;
  readonly phone: () => PhoneSettings;
}

/** What the admin interface has for browsers: the pages of console and phone, and the events that the console shows. */
export class WebConsole {
  readonly #deps: WebConsoleDeps;
  readonly #session = new ConsoleSession();

  constructor(deps: WebConsoleDeps) {
    this.#deps = deps;
  }

  /** The pages, for everybody. @returns false when the path is none of theirs: nothing was answered */
  servePage(path: readonly string[], request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method === 'POST') return false;
    const name = path.join('/');
    if (name === '') response.writeHead(302, { Location: '/console/' }).end();
    else if (name === 'phone/settings') sendAnswer(response, ok(this.#deps.phone()));
    else return this.#deps.files.serve(path, request, response);
    return true;
  }

  /** For who has shown the token, where there is one: `/session` gives the cookie, `/events` what happens. */
  serveWatcher(name: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (name === 'session') {
      const cookie = this.#session.cookie(Date.now(), { isSecure: isSecure(request) });
      sendAnswer(response, ok({ session: true }), { 'Set-Cookie': cookie });
    } else if (name !== 'events') {
      return false;
    } else if (!this.#deps.feed.serve(response)) {
      sendAnswer(response, refusal(503, 'busy', 'too many consoles watch already'), { 'Retry-After': '5' });
    }
    return true;
  }

  /** Whether the request shows the cookie. */
  isWatcher(request: IncomingMessage): boolean {
    return this.#session.isShownBy(request, Date.now());
  }

  stop(): void {
    this.#deps.feed.stop();
  }
}
