import { type HttpHandler, type HttpResponse, utf8 } from '../../base/index.ts';

/** An answer that is this text and no more, since clients compare it (RFC 6940 §11.3). */
export function textAnswer(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return answer(status, 'text/plain', utf8(text), headers);
}

/** Certificates, documents and secrets are for the one who asks: nobody on the way keeps them. */
export function answer(
  status: number,
  contentType: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const all = { 'content-type': contentType, 'cache-control': 'no-store', ...headers };
  return { status, headers: new Map(Object.entries(all)), body };
}

/** Media type of a header value, lower case, without parameters. */
export function mediaType(value: string | undefined): string | undefined {
  return value?.replace(/;.*$/s, '').trim().toLowerCase();
}

/** Hands each request to the handler of its path. */
export function routesOf(handlers: ReadonlyMap<string, HttpHandler>): HttpHandler {
  return async (request) => handlers.get(request.path)?.(request) ?? textAnswer(404, 'not found');
}
