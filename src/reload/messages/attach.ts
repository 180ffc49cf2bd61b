import type { TypeOf } from '../wire/codec.ts';
import { boolean } from '../wire/integers.ts';
import { text } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { iceCandidates } from './ice-candidate.ts';
import { method } from './method.ts';

/** RFC 6940 §6.5.1.1: `role` is "passive" in the request and "active" in the answer. */
const attachReqAns = struct({
  ufrag: text(1),
  password: text(1),
  role: text(1),
  candidates: iceCandidates,
  sendUpdate: boolean,
});
export type AttachReqAns = TypeOf<typeof attachReqAns>;

export const attach = method('attach', 0x03, attachReqAns, attachReqAns);
