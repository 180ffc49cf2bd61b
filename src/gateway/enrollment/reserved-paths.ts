import { ADAPTER_KEY_PATH, REGISTRATION_PATH } from '../../p2psip/enrollment/registration-protocol.ts';
import { WELL_KNOWN_PATH } from '../../reload/enrollment/protocol.ts';

/** Paths of the enrollment server at which it takes no certification requests, whatever the overlay's document says. */
export const RESERVED_PATHS: ReadonlySet<string> = new Set([
  WELL_KNOWN_PATH,
  REGISTRATION_PATH,
  ADAPTER_KEY_PATH,
]);
