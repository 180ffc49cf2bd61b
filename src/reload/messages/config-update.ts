import { opaque, text, vector } from '../wire/sequences.ts';
import { sizedSelect, variant } from '../wire/struct.ts';
import { empty, method } from './method.ts';

/** RFC 6940 §6.5.4.1: a configuration document as its exact bytes, or kind-block elements. */
const configUpdateReq = sizedSelect(4, {
  config: variant(1, { configData: opaque(3) }),
  kind: variant(2, { kinds: vector(3, text(2)) }),
});

export const configUpdate = method('config_update', 0x21, configUpdateReq, empty);
