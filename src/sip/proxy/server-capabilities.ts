const ALLOWED =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, MESSAGE, REFER, UPDATE, PRACK, INFO, PUBLISH';

/** Headers of the answer to an OPTIONS that is for us (RFC 3261 §11.2). */
export const SERVER_CAPABILITIES = [
  ['Allow', ALLOWED],
  ['Supported', 'path, outbound'],
  ['Accept', '*/*'],
] as const;
