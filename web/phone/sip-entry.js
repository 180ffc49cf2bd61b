// What the phone takes of sip.js; `npm run build` makes sip.js of it.
import { SessionState, Web } from 'sip.js';

export const { SessionManager } = Web;
export { SessionState };
