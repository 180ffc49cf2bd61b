import { hash } from 'node:crypto';
import type { HttpRequest, HttpResponse } from '../../base/index.ts';
import { answer, textAnswer } from './http-answers.ts';
import { OVERLAY_XML } from './protocol.ts';

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
    if (known.includes(validators.etag)) return answer(304, OVERLAY_XML, new Uint8Array(), validators);
    return answer(200, OVERLAY_XML, document, validators);
  };
}
