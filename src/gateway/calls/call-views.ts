/**
 * Where a call stands: `calling` until somebody rings, `talking` from the answer to the BYE, `over` after it, or after
 * a final status that was no answer.
 */
export type CallState = 'calling' | 'ringing' | 'talking' | 'over';

/** A call as lists show it. Times are ISO 8601. */
export interface CallSummary {
  /** Names the call in `GET /calls/ID`, in this run of the peer. */
  readonly id: string;
  /** The Call-ID: the trace id of all its messages. */
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly state: CallState;
  /** Of the INVITE, as the caller got it. */
  readonly status?: number;
  readonly reason?: string;
  readonly begin: string;
  readonly ringing?: string;
  readonly answer?: string;
  readonly end?: string;
  /** Who sent the BYE. */
  readonly endedBy?: 'caller' | 'callee';
  readonly messages: number;
}

/** One message of a call's ladder diagram. */
export interface LadderStep {
  readonly protocol: 'sip' | 'reload';
  readonly direction: 'in' | 'out';
  /** ms after the first message. */
  readonly ms: number;
  /** `host:port` of the other side. */
  readonly address: string;
  readonly transport: string;
  /** The Node-ID of the other side, where it is a peer. */
  readonly peer?: string;
  /** `INVITE`, `180 Ringing`, `fetch_req`. */
  readonly label: string;
  /** Of a response the method it answers; of a RELOAD message where it goes. */
  readonly detail?: string;
  readonly bytes: number;
  /** The SIP message, secrets left out; no more than 4 kB of it, nothing where memory for it was short. */
  readonly text?: string;
}

export interface CallDetail extends CallSummary {
  readonly steps: readonly LadderStep[];
  /** Messages beyond those that are kept. */
  readonly leftOut: number;
}

/** What `GET /calls` answers, newest first. */
export interface CallPage {
  readonly running: number;
  readonly kept: number;
  /** Calls that came too fast for each to be kept, since the start. */
  readonly passedBy: number;
  readonly items: readonly CallSummary[];
}
