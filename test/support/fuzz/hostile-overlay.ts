import { ErrorCode, errorResponse } from '../../../src/reload/messages/error-response.ts';
import { decodeHeader } from '../../../src/reload/messages/forwarding-header.ts';
import { decodeEnvelope } from '../../../src/reload/messages/message.ts';
import { ERROR_CODE } from '../../../src/reload/messages/method.ts';
import { decodeWhole } from '../../../src/reload/wire/codec.ts';
import { SimulatedOverlay, type SimulatedPeer } from '../../unit/reload/node/simulated-overlay.ts';
import { CountingMetrics } from '../counting-metrics.ts';
import { HostileMember } from './hostile-member.ts';

/** A message seen on a link of an honest peer. */
export interface Seen {
  readonly host: string;
  readonly direction: 'in' | 'out';
  readonly peer: string;
  /** The message code. */
  readonly code: number;
  readonly bytes: Uint8Array;
}

/** An overlay of honest peers, all they say recorded, and room for members who are not. */
export class HostileOverlay extends SimulatedOverlay {
  readonly seen: Seen[] = [];
  readonly metrics = new Map<SimulatedPeer, CountingMetrics>();

  /** Honest peers, each with counters of its own. */
  async growWatched(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const metrics = new CountingMetrics();
      const peer: SimulatedPeer = this.make({
        metrics,
        trace: (direction, from, message) =>
          this.seen.push({
            host: peer.host,
            direction,
            peer: from,
            code: codeOf(message),
            bytes: Uint8Array.from(message),
          }),
      });
      this.metrics.set(peer, metrics);
      await this.start(peer);
    }
    await this.clock.advance(3_000);
  }

  /** A member with a certificate of its own and a link with `to`. */
  async member(host: string, to: SimulatedPeer): Promise<HostileMember> {
    const random = this.randomOf(host);
    const member = new HostileMember({
      network: this.network.host(host),
      random,
      document: this.document,
      identity: this.newIdentity(random),
    });
    await this.clock.runUntil(member.connect(this.addressOf(to)));
    await this.clock.advance(100);
    return member;
  }

  /** Messages an honest peer sent or got since `from`, with this code. */
  messages(peer: SimulatedPeer, direction: 'in' | 'out', code: number, from = 0): Seen[] {
    return this.seen
      .slice(from)
      .filter((one) => one.host === peer.host && one.direction === direction && one.code === code);
  }

  /** Sends a message and waits for what comes back in its transaction: 'dropped', 'answered', or the error's name. */
  async reply(member: HostileMember, message: Uint8Array, waitMs = 1_000): Promise<string> {
    const { transactionId } = decodeHeader(message);
    member.received.length = 0;
    member.send(message);
    await this.clock.advance(waitMs);
    const answer = member.received.find((one) => decodeHeader(one).transactionId === transactionId);
    if (answer === undefined) return 'dropped';
    const { contents } = decodeEnvelope(answer, decodeHeader(answer));
    if (contents.code !== ERROR_CODE) return 'answered';
    const { errorCode } = decodeWhole(errorResponse, contents.body);
    return Object.entries(ErrorCode).find(([, code]) => code === errorCode)?.[0] ?? String(errorCode);
  }
}

function codeOf(message: Uint8Array): number {
  const { headerLength } = decodeHeader(message);
  return message[headerLength]! * 256 + message[headerLength + 1]!;
}
