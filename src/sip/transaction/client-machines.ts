import type { Machine } from './machine.ts';

export type ClientState =
  | 'initial'
  | 'calling'
  | 'trying'
  | 'proceeding'
  | 'accepted'
  | 'completed'
  | 'terminated';

export type ClientTimer =
  | 'timer-a'
  | 'timer-b'
  | 'timer-d'
  | 'timer-m'
  | 'timer-e'
  | 'timer-f'
  | 'timer-k'
  | 'timer-cancel';

/** Responses by class, timers, and what the TU and the transport report. `failure`: 300-699. */
export type ClientEvent = ClientTimer | 'start' | 'provisional' | 'success' | 'failure' | 'transport-error';

export type ClientAction =
  | 'send-request'
  | 'send-ack'
  | 'pass-response'
  | 'report-timeout'
  | 'report-transport-error'
  | 'send-held-cancel'
  | 'stop-timers'
  /** Unreliable transports only: T1, then doubled each time. */
  | 'start-a'
  | 'start-b'
  | 'start-d'
  | 'start-m'
  /** Unreliable transports only: T1, then doubled up to T2. */
  | 'start-e'
  /** Unreliable transports only: T2 from now on. */
  | 'slow-e'
  | 'start-f'
  | 'start-k';

export type ClientMachine = Machine<ClientState, ClientEvent, ClientAction>;

/** RFC 3261 §17.1.1.2 as changed by RFC 6026 §8.4, figure 5. */
export const inviteClient: ClientMachine = {
  initial: {
    start: { to: 'calling', actions: ['send-request', 'start-a', 'start-b'] },
  },
  calling: {
    'timer-a': { to: 'calling', actions: ['send-request', 'start-a'] },
    'timer-b': { to: 'terminated', actions: ['report-timeout'] },
    'transport-error': { to: 'terminated', actions: ['report-transport-error'] },
    provisional: { to: 'proceeding', actions: ['stop-timers', 'send-held-cancel', 'pass-response'] },
    success: { to: 'accepted', actions: ['stop-timers', 'start-m', 'pass-response'] },
    failure: { to: 'completed', actions: ['stop-timers', 'send-ack', 'start-d', 'pass-response'] },
  },
  proceeding: {
    // RFC 3261 §9.1: a cancelled request without a final response within 64*T1 is given up.
    'timer-cancel': { to: 'terminated', actions: ['report-timeout'] },
    provisional: { to: 'proceeding', actions: ['pass-response'] },
    success: { to: 'accepted', actions: ['stop-timers', 'start-m', 'pass-response'] },
    failure: { to: 'completed', actions: ['stop-timers', 'send-ack', 'start-d', 'pass-response'] },
    // NOTE: loss of the connection is no event here: the server may open another one for its response (§18.1.1).
  },
  accepted: {
    // RFC 6026 §7.2: retransmissions and 2xx of other branches of a fork.
    success: { to: 'accepted', actions: ['pass-response'] },
    'timer-m': { to: 'terminated', actions: [] },
  },
  completed: {
    failure: { to: 'completed', actions: ['send-ack'] },
    'timer-d': { to: 'terminated', actions: [] },
    'transport-error': { to: 'terminated', actions: ['report-transport-error'] },
  },
  trying: {},
  terminated: {},
};

/** RFC 3261 §17.1.2.2, figure 6. */
export const nonInviteClient: ClientMachine = {
  initial: {
    start: { to: 'trying', actions: ['send-request', 'start-e', 'start-f'] },
  },
  trying: {
    'timer-e': { to: 'trying', actions: ['send-request', 'start-e'] },
    'timer-f': { to: 'terminated', actions: ['report-timeout'] },
    'transport-error': { to: 'terminated', actions: ['report-transport-error'] },
    // Timer E runs on; from its next firing it is T2.
    provisional: { to: 'proceeding', actions: ['pass-response'] },
    success: { to: 'completed', actions: ['stop-timers', 'start-k', 'pass-response'] },
    failure: { to: 'completed', actions: ['stop-timers', 'start-k', 'pass-response'] },
  },
  proceeding: {
    'timer-e': { to: 'proceeding', actions: ['send-request', 'slow-e'] },
    'timer-f': { to: 'terminated', actions: ['report-timeout'] },
    'transport-error': { to: 'terminated', actions: ['report-transport-error'] },
    provisional: { to: 'proceeding', actions: ['pass-response'] },
    success: { to: 'completed', actions: ['stop-timers', 'start-k', 'pass-response'] },
    failure: { to: 'completed', actions: ['stop-timers', 'start-k', 'pass-response'] },
  },
  completed: {
    'timer-k': { to: 'terminated', actions: [] },
  },
  calling: {},
  accepted: {},
  terminated: {},
};
