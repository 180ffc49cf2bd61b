import type { Codec } from '../wire/codec.ts';
import { struct } from '../wire/struct.ts';

/** RFC 6940 §6.3.3: the code of every error answer. */
export const ERROR_CODE = 0xffff;

/** A request and its answer (RFC 6940 §6.3.3): the answer's code is the request's plus one. */
export interface Method<Request, Answer> {
  readonly name: string;
  readonly requestCode: number;
  readonly answerCode: number;
  readonly request: Codec<Request>;
  readonly answer: Codec<Answer>;
}

export function method<Request, Answer>(
  name: string,
  requestCode: number,
  request: Codec<Request>,
  answer: Codec<Answer>,
): Method<Request, Answer> {
  return { name, requestCode, answerCode: requestCode + 1, request, answer };
}

/** RFC 6940 §14.8: requests are odd. */
export function isRequestCode(code: number): boolean {
  return code % 2 === 1 && code !== ERROR_CODE;
}

/** A body without fields. */
export const empty = struct({});
