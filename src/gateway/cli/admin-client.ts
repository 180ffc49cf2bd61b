import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { errorMessage } from '../../base/index.ts';
import { CommandError } from './environment.ts';

const DEFAULT_ADMIN_URL = 'http://127.0.0.1:8060';
/** A little longer than the server lets an answer take. */
const TIMEOUT_MS = 25_000;

export interface AdminOptions {
  readonly admin: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** The options of every command that asks a running peer. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('--admin <url>', 'admin address of the peer to ask', DEFAULT_ADMIN_URL)
    .option('--token-file <file>', 'file with the token of its admin interface')
    .option('--json', 'print JSON');
}

/** Asks the admin interface of a running peer. */
export class AdminClient {
  readonly #base: URL;
  readonly #headers: Record<string, string>;

  /** @throws CommandError 'wrong-use' */
  constructor({ admin, tokenFile }: AdminOptions) {
    this.#base = parseBase(admin);
    this.#headers = tokenFile === undefined ? {} : { Authorization: `Bearer ${readToken(tokenFile)}` };
  }

  /**
   * The JSON at a path made of these segments. A 404 with a body of the route's own is an answer as well.
   * @throws CommandError
   */
  get<T>(...segments: readonly string[]): Promise<T> {
    return this.#ask('GET', segments);
  }

  /** The same for what changes something. */
  post<T>(...segments: readonly string[]): Promise<T> {
    return this.#ask('POST', segments);
  }

  async #ask<T>(method: 'GET' | 'POST', segments: readonly string[]): Promise<T> {
    const url = new URL(segments.map(encodeURIComponent).join('/'), this.#base);
    const response = await this.#fetch(method, url);
    const body = await readJson(response, url);
    const { error } = body as { error?: { message?: unknown } };
    if (error === undefined) return body as T;
    const code = response.status === 400 || response.status === 422 ? 'wrong-use' : 'operation-failed';
    throw new CommandError(code, `${url.origin}: ${String(error.message)}`, { origin: 'remote' });
  }

  async #fetch(method: string, url: URL): Promise<Response> {
    try {
      return await fetch(url, { method, headers: this.#headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (error) {
      const cause = (error as Error).cause ?? error;
      throw new CommandError(
        'operation-failed',
        `no peer answers at ${url.origin} (${errorMessage(cause)}); start one, or name its address with --admin`,
        { cause: error },
      );
    }
  }
}

async function readJson(response: Response, url: URL): Promise<unknown> {
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null) return body;
  } catch {
    // Not JSON: said below.
  }
  const problem = `${url.origin} is not the admin interface of a peer (HTTP ${response.status})`;
  throw new CommandError('operation-failed', problem, { origin: 'remote' });
}

function parseBase(text: string): URL {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL('/', text);
  throw new CommandError('wrong-use', `--admin: "${text}" is not a URL; write it like ${DEFAULT_ADMIN_URL}`);
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0]!.trim();
  } catch (error) {
    throw new CommandError('wrong-use', `--token-file: ${errorMessage(error)}`, { cause: error });
  }
}
