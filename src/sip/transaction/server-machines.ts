import type { Machine } from './machine.ts';

export type ServerState =
  | 'initial'
  | 'trying'
  | 'proceeding'
  | 'accepted'
  | 'completed'
  | 'confirmed'
  | 'terminated';

export type ServerTimer = 'timer-trying' | 'timer-g' | 'timer-h' | 'timer-i' | 'timer-j' | 'timer-l';

/**
 * `request`: a retransmission; `ack`: an ACK that matches. The rest is what the TU passes down; `give-up` is its
 * final answer that must not be sent, `stateless` one that is forgotten at once.
 */
export type ServerEvent =
  | ServerTimer
  | 'start'
  | 'request'
  | 'ack'
  | 'provisional'
  | 'success'
  | 'failure'
  | 'stateless'
  | 'give-up';

export type ServerAction =
  | 'send-response'
  | 'resend-response'
  | 'send-trying'
  | 'pass-ack'
  | 'report-no-ack'
  | 'stop-timers'
  | 'start-trying'
  /** Unreliable transports only: T1, then doubled up to T2. */
  | 'start-g'
  | 'start-h'
  | 'start-i'
  | 'start-j'
  | 'start-l';

export type ServerMachine = Machine<ServerState, ServerEvent, ServerAction>;

/**
 * RFC 3261 §17.2.1 as changed by RFC 6026 §8.6, figure 7. Transport errors change no state (RFC 6026 §7.1): the
 * transaction stays to absorb retransmissions.
 */
export const inviteServer: ServerMachine = {
  initial: {
    start: { to: 'proceeding', actions: ['start-trying'] },
  },
  proceeding: {
    request: { to: 'proceeding', actions: ['resend-response'] },
    'timer-trying': { to: 'proceeding', actions: ['send-trying'] },
    provisional: { to: 'proceeding', actions: ['stop-timers', 'send-response'] },
    success: { to: 'accepted', actions: ['stop-timers', 'send-response', 'start-l'] },
    failure: { to: 'completed', actions: ['stop-timers', 'send-response', 'start-g', 'start-h'] },
    stateless: { to: 'terminated', actions: ['send-response'] },
  },
  accepted: {
    // RFC 6026 §7.1: retransmitted INVITEs are absorbed, 2xx from the TU and ACKs to it pass through.
    success: { to: 'accepted', actions: ['send-response'] },
    ack: { to: 'accepted', actions: ['pass-ack'] },
    'timer-l': { to: 'terminated', actions: [] },
  },
  completed: {
    request: { to: 'completed', actions: ['resend-response'] },
    'timer-g': { to: 'completed', actions: ['resend-response', 'start-g'] },
    'timer-h': { to: 'terminated', actions: ['report-no-ack'] },
    ack: { to: 'confirmed', actions: ['stop-timers', 'start-i'] },
  },
  confirmed: {
    'timer-i': { to: 'terminated', actions: [] },
  },
  trying: {},
  terminated: {},
};

/** RFC 3261 §17.2.2, figure 8, with the 100 of RFC 4320 §4.1. */
export const nonInviteServer: ServerMachine = {
  initial: {
    start: { to: 'trying', actions: ['start-trying'] },
  },
  trying: {
    'timer-trying': { to: 'proceeding', actions: ['send-trying'] },
    provisional: { to: 'proceeding', actions: ['stop-timers', 'send-response'] },
    success: { to: 'completed', actions: ['stop-timers', 'send-response', 'start-j'] },
    failure: { to: 'completed', actions: ['stop-timers', 'send-response', 'start-j'] },
    stateless: { to: 'terminated', actions: ['send-response'] },
    // RFC 4320 §4.2: a 408 is useless to the client, which has given up by then.
    'give-up': { to: 'terminated', actions: ['stop-timers'] },
  },
  proceeding: {
    request: { to: 'proceeding', actions: ['resend-response'] },
    provisional: { to: 'proceeding', actions: ['send-response'] },
    success: { to: 'completed', actions: ['stop-timers', 'send-response', 'start-j'] },
    failure: { to: 'completed', actions: ['stop-timers', 'send-response', 'start-j'] },
    stateless: { to: 'terminated', actions: ['send-response'] },
    'give-up': { to: 'terminated', actions: ['stop-timers'] },
  },
  completed: {
    request: { to: 'completed', actions: ['resend-response'] },
    'timer-j': { to: 'terminated', actions: [] },
  },
  accepted: {},
  confirmed: {},
  terminated: {},
};
