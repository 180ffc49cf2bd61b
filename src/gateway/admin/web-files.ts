import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface WebFile {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * The pages of the console and the phone: files of our package's `web` folder, read when first asked for. What is not in
 * that folder cannot be named.
 */
export class WebFiles {
  readonly #connectTo: () => readonly string[];
  #files: ReadonlyMap<string, WebFile> | undefined;

  /** @param options.connectTo the WebSocket URLs that a page may connect to besides this server */
  constructor(options: { readonly connectTo: () => readonly string[] }) {
    this.#connectTo = options.connectTo;
  }

  /**
   * @param path segments such as `['console', 'console.js']`; a folder's own path answers its index.html
   * @returns false when there is no such file: nothing was answered
   */
  serve(path: readonly string[], request: IncomingMessage, response: ServerResponse): boolean {
    this.#files ??= readAll();
    const name = path.join('/');
    const file = this.#files.get(name.endsWith('/') ? `${name}index.html` : name);
    if (file === undefined) {
      if (!this.#files.has(`${name}/index.html`)) return false;
      response.writeHead(302, { Location: `/${name}/` }).end();
      return true;
    }
    const headers = { ...this.#policy(request), 'Cache-Control': 'no-cache', ETag: file.etag };
    if (request.headers['if-none-match'] === file.etag) response.writeHead(304, headers).end();
    else {
      response
        .writeHead(200, { ...headers, 'Content-Type': file.type, 'Content-Length': file.body.length })
        .end(request.method === 'HEAD' ? undefined : file.body);
    }
    return true;
  }

  /** Nothing but our own files runs, is shown or is asked (CSP level 3). */
  #policy(request: IncomingMessage): Record<string, string> {
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      "media-src 'self' blob:",
      `connect-src ${["'self'", ...reachable(this.#connectTo(), request)].join(' ')}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ];
    return {
      'Content-Security-Policy': policy.join('; '),
      'Permissions-Policy': 'microphone=(self), camera=(), geolocation=()',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    };
  }
}

/** The listeners as they are, and by the name that the browser knows this host by. */
function reachable(urls: readonly string[], request: IncomingMessage): string[] {
  const host = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::\d+)?$/i.exec(request.headers.host ?? '')?.[1];
  const named = host === undefined ? [] : urls.map((url) => url.replace(/\/\/.*(?=:\d+$)/, `//${host}`));
  return [...new Set([...urls, ...named])];
}

function readAll(): ReadonlyMap<string, WebFile> {
  const folder = webFolder();
  const files = new Map<string, WebFile>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const body = readFileSync(path);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    files.set(path.slice(folder.length + 1).replaceAll('\\', '/'), { body, type, etag });
  }
  return files;
}

/** Beside our package.json, wherever this file was compiled to. */
function webFolder(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return join(directory, 'web');
    if (directory === dirname(directory)) throw new Error('the web folder of this package is missing');
  }
}
