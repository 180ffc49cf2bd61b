import { hash } from 'node:crypto';
import type { HttpRequest, HttpResponse } from '../../base/index.ts';
import { answer, textAnswer } from './http-answers.ts';

/** RFC 6940 §11.2, in the framework of RFC 5785. */
export const WELL_KNOWN_PATH = '/.well-known/reload-config';

/** RFC 6940 §11.1 and §14.17. */
const MEDIA_TYPE = 'application/p2p-overlay+xml';

/** The configuration server of RFC 6940 §11.2: hands out the document in force. */
export class ConfigurationService {
  readonly #document: () => Uint8Array;

  /** @param deps.document the exact bytes of the document in force */
  constructor({ document }: { readonly document: () => Uint8Array }) {
    this.#document = document;
  }

  readonly handle = async ({ method, headers }: HttpRequest): Promise<HttpResponse> => {
    if (method !== 'GET' && method !== 'HEAD') {
      return textAnswer(405, 'the configuration is fetched with GET', { allow: 'GET, HEAD' });
    }
    const document = this.#document();
    // Who has it already asks often and is told so in a few bytes (RFC 9110 §13.1.2).
    const validators = {
      etag: `"${hash('sha256', document, 'hex').slice(0, 32)}"`,
      'cache-control': 'no-cache',
    };
    const known = (headers.get('if-none-match') ?? '')
      .split(',')
      .map((tag) => tag.trim().replace(/^W\//, ''));
    if (known.includes(validators.etag)) return answer(304, MEDIA_TYPE, new Uint8Array(), validators);
    return answer(200, MEDIA_TYPE, document, validators);
  };
}
