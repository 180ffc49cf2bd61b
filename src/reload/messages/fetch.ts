import type { TypeOf } from '../wire/codec.ts';
import { vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { kindValues } from './data-model.ts';
import { type DataRequest, dataRequest } from './data-specifier.ts';
import { method } from './method.ts';
import { storedData } from './stored-data.ts';

export type FetchReq = DataRequest;

/** RFC 6940 §7.4.2.2: a Kind comes without values when the generation asked with is the current one. */
const fetchAns = struct({ kindResponses: vector(4, kindValues(storedData)) });
export type FetchAns = TypeOf<typeof fetchAns>;

export const fetch = method('fetch', 0x09, dataRequest, fetchAns);
