import { CodedError } from '../../base/index.ts';

/** Which part of a long list is wanted. */
export interface PageQuery {
  readonly offset: number;
  readonly limit: number;
  /** Only what has this text in it. */
  readonly match: string;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_MATCH = 256;

/** `?offset=&limit=&match=`. @throws CodedError 'bad-query' */
export function pageQuery(query: URLSearchParams): PageQuery {
  return {
    offset: wholeNumber(query, 'offset', 0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(query, 'limit', DEFAULT_LIMIT, MAX_LIMIT),
    match: (query.get('match') ?? '').slice(0, MAX_MATCH),
  };
}

function wholeNumber(query: URLSearchParams, name: string, byDefault: number, max: number): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  if (/^\d{1,15}$/.test(text) && Number(text) <= max) return Number(text);
  throw new CodedError('bad-query', `${name} is a whole number up to ${max}`);
}
