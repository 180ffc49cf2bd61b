import type { Logger } from '../../base/index.ts';
import type { TimerQueues } from '../transaction/timer-queues.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import type { LegNames } from './leg-names.ts';
import type { LoopDetector } from './loop-detection.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { MediaBridge, PeerConnector, TargetResolver } from './ports.ts';

export type BranchTimer = 'silence' | 'timer-c';

/** What branches need to get their requests out. */
export interface BranchServices {
  readonly transactions: TransactionLayer;
  readonly transport: SipTransport;
  readonly timers: TimerQueues<BranchTimer>;
  readonly timing: ProxyTiming;
  readonly own: OwnAddresses;
  readonly names: LegNames;
  readonly loops: LoopDetector;
  readonly peers: PeerConnector;
  readonly resolver: TargetResolver;
  readonly media: MediaBridge | undefined;
  readonly logger: Logger;
  /** Called with every overlay connection a request is about to leave by. */
  onPeerFlow(flow: Flow): void;
}

/** All in ms. */
export interface ProxyTiming {
  /** A branch that said nothing at all for this long counts as 408. */
  readonly silenceMs: number;
  /** The same of an INVITE to one of several servers: the next one is tried then. */
  readonly failoverMs: number;
  /** RFC 3261 §16.6 step 11: more than 3 minutes. */
  readonly timerCMs: number;
  /** Added on overlay branches, so that the callee's peer gives up first. */
  readonly timerCOverlayExtraMs: number;
  /** How long phones of one q ring before those of the next lower q are tried. */
  readonly serialRingMs: number;
}
