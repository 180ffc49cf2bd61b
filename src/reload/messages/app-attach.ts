import type { TypeOf } from '../wire/codec.ts';
import { uint16 } from '../wire/integers.ts';
import { text } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { iceCandidates } from './ice-candidate.ts';
import { method } from './method.ts';

/** RFC 6940 §6.5.2: like Attach, for a connection that carries the named application instead of RELOAD. */
const appAttachReqAns = struct({
  ufrag: text(1),
  password: text(1),
  /** Application-ID (RFC 6940 §14.5): 5060 SIP, 5061 SIPS. */
  application: uint16,
  role: text(1),
  candidates: iceCandidates,
});
export type AppAttachReqAns = TypeOf<typeof appAttachReqAns>;

export const appAttach = method('app_attach', 0x1d, appAttachReqAns, appAttachReqAns);
