import { REASONS } from '../message/reasons.ts';
import type { SipResponse } from '../message/response.ts';
import { type Candidate, chooseBest, withAllChallenges } from './best-response.ts';

/**
 * One forwarded copy of a request, as the response context sees it.
 * `calling`: nothing heard. `silent`: nothing heard for so long that it counts as 408 for now. `proceeding`: heard a
 * provisional response. `cancelling`: a CANCEL is under way. `completed`: has its final outcome.
 */
export type BranchState = 'calling' | 'silent' | 'proceeding' | 'cancelling' | 'completed';

/** What a response context wants done; each branch is named by the key it was opened with. */
export interface ResponseContextActions<Branch> {
  /** Pass this on upstream: a provisional, a 2xx, or the one final response. Its top Via is already the caller's. */
  forward(response: SipResponse): void;
  /** Answer upstream with a final response of our own. */
  answer(status: number): void;
  /**
   * Cancel the branch: CANCEL once it has sent a provisional response (RFC 3261 §9.1). May be asked twice.
   * @param reason what the CANCEL says of it (RFC 3326)
   */
  cancel(branch: Branch, reason?: string): void;
  /** Nothing is pending, no success so far, and more branches were promised: now is the time for the next ones. */
  idle(): void;
  /** The fate upstream is sealed: called once, with the final status, or undefined when none may be sent. */
  done(status: number | undefined): void;
}

interface BranchRecord<Branch> {
  readonly branch: Branch;
  state: BranchState;
  /** Timer C ran out: the 487 to our CANCEL means a time-out to the caller. */
  timedOut: boolean;
}

/**
 * The response context of a stateful proxy (RFC 3261 §16.7 to §16.10), free of time and network: responses and time-outs
 * of branches in, responses upstream and cancellations out.
 */
export class ResponseContext<Branch> {
  readonly #isInvite: boolean;
  readonly #actions: ResponseContextActions<Branch>;
  /** Few: a list is smaller than a Map, and as fast. */
  readonly #branches: BranchRecord<Branch>[] = [];
  readonly #candidates: Candidate[] = [];
  #targetsComplete = false;
  #emptyStatus = 480;
  #cancelled = false;
  #globalFailure = false;
  #done = false;

  constructor(method: string, actions: ResponseContextActions<Branch>) {
    this.#isInvite = method === 'INVITE';
    this.#actions = actions;
  }

  /** True when a final response went upstream, or never will. */
  get isDone(): boolean {
    return this.#done;
  }

  /** Whether further branches make sense: no final response yet, no 6xx, and the caller still waits. */
  get wantsBranches(): boolean {
    return !this.#done && !this.#cancelled && !this.#globalFailure;
  }

  /** Branches that may still answer. */
  get pending(): number {
    let count = 0;
    for (const { state } of this.#branches) if (isPending(state)) count += 1;
    return count;
  }

  /** A request goes out on a new branch. */
  open(branch: Branch): void {
    this.#branches.push({ branch, state: 'calling', timedOut: false });
  }

  /**
   * No more branches will be opened.
   * @param emptyStatus what to answer when none was opened at all
   */
  completeTargets(emptyStatus = 480): void {
    this.#targetsComplete = true;
    this.#emptyStatus = emptyStatus;
    this.#conclude();
  }

  /** A response of a branch, its top Via (ours) removed. */
  receive(branch: Branch, response: SipResponse): void {
    const { status } = response;
    const record = this.#recordOf(branch);
    if (record === undefined) return;
    if (status < 200) this.#onProvisional(record, response);
    else if (status < 300) this.#onSuccess(record, response);
    else this.#onFailure(record, { status, response });
  }

  /**
   * The branch ended without a response: 408 for a time-out, 503 for a transport error (§16.9), 430 or 480 when there
   * was no way to the target.
   */
  fail(branch: Branch, status: number): void {
    const record = this.#recordOf(branch);
    if (record === undefined || record.state === 'completed') return;
    this.#onFailure(record, { status, response: undefined });
  }

  /**
   * Another branch, opened already, takes the place of this one, which counts for nothing from now on; a late 2xx of it
   * still does.
   */
  supersede(branch: Branch): void {
    const record = this.#recordOf(branch);
    if (record !== undefined) record.state = 'completed';
  }

  /** Nothing was heard for a while: a dead binding must not hold up what the others say. A late answer still counts. */
  silence(branch: Branch): void {
    const record = this.#recordOf(branch);
    if (record?.state !== 'calling') return;
    record.state = 'silent';
    this.#conclude();
  }

  /** RFC 3261 §16.8: timer C of a branch ran out. */
  expire(branch: Branch): void {
    const record = this.#recordOf(branch);
    if (record === undefined) return;
    switch (record.state) {
      case 'proceeding':
        record.timedOut = true;
        record.state = 'cancelling';
        this.#actions.cancel(branch);
        return;
      case 'calling':
      case 'silent':
        this.#actions.cancel(branch);
        this.#onFailure(record, { status: 408, response: undefined });
        return;
      case 'cancelling':
      case 'completed':
        return;
    }
  }

  /** RFC 3261 §16.10: the caller cancelled, and why, if he said it. */
  cancel(reason?: string): void {
    if (this.#cancelled || this.#done) return;
    this.#cancelled = true;
    this.#cancelPending(reason);
    this.#conclude();
  }

  #recordOf(branch: Branch): BranchRecord<Branch> | undefined {
    for (const record of this.#branches) if (record.branch === branch) return record;
    return undefined;
  }

  #onProvisional(record: BranchRecord<Branch>, response: SipResponse): void {
    if (record.state === 'calling' || record.state === 'silent') record.state = 'proceeding';
    // §16.7 step 5: everything but 100, until a final response went out.
    if (response.status !== 100 && record.state !== 'completed' && !this.#done)
      this.#actions.forward(response);
  }

  #onSuccess(record: BranchRecord<Branch>, response: SipResponse): void {
    record.state = 'completed';
    const first = !this.#done;
    // §16.7 step 5: every 2xx to an INVITE goes upstream, also after a final response; to other requests the first.
    if (!first && !this.#isInvite) return;
    this.#done = true;
    this.#actions.forward(response);
    if (!first) return;
    // RFC 3326 §3.1: phones that stop ringing for it show no missed call.
    this.#cancelPending('SIP;cause=200;text="Call completed elsewhere"');
    this.#actions.done(response.status);
  }

  #onFailure(record: BranchRecord<Branch>, candidate: Candidate): void {
    if (record.state === 'completed') return;
    record.state = 'completed';
    if (this.#done) return;
    const isTimeout = record.timedOut && candidate.status === 487;
    this.#candidates.push(isTimeout ? { status: 408, response: undefined } : candidate);
    if (candidate.status >= 600 && !this.#globalFailure) {
      this.#globalFailure = true;
      this.#cancelPending(`SIP;cause=${candidate.status};text="${REASONS[candidate.status] ?? 'Declined'}"`);
    }
    this.#conclude();
  }

  #cancelPending(reason?: string): void {
    if (!this.#isInvite) return;
    for (const record of this.#branches) {
      if (record.state !== 'proceeding' && record.state !== 'calling' && record.state !== 'silent') continue;
      // One that said nothing yet stays as it is: the CANCEL waits for its first response, and so may we no longer.
      if (record.state === 'proceeding') record.state = 'cancelling';
      this.#actions.cancel(record.branch, reason);
    }
  }

  /** §16.7 step 6: the best response goes upstream when nothing better can come any more. */
  #conclude(): void {
    if (this.#done || this.pending > 0) return;
    if (!this.#targetsComplete && this.wantsBranches) {
      this.#actions.idle();
      return;
    }
    const best = this.#bestOutcome();
    // RFC 4320 §4.2: a 408 to anything but INVITE comes too late to be of use. A late real answer may still pass.
    if (!this.#isInvite && best.status === 408) {
      this.#finishSilently();
      return;
    }
    this.#done = true;
    if (best.response === undefined || best.status === 503) {
      // §16.7 step 6: a 503 of one target says nothing about us.
      const status = best.status === 503 ? 500 : best.status;
      this.#actions.answer(status);
      this.#cancelSilent();
      this.#actions.done(status);
      return;
    }
    this.#actions.forward(withAllChallenges(best.response, this.#candidates));
    this.#cancelSilent();
    this.#actions.done(best.status);
  }

  #bestOutcome(): Candidate {
    const candidates = [...this.#candidates];
    for (const { state } of this.#branches) {
      if (state === 'silent') candidates.push({ status: 408, response: undefined });
    }
    const best = chooseBest(candidates, this.#cancelled);
    if (best === undefined) return { status: this.#cancelled ? 487 : this.#emptyStatus, response: undefined };
    // Nobody answered the caller's CANCEL either.
    return this.#cancelled && best.status === 408 ? { status: 487, response: undefined } : best;
  }

  #finishSilently(): void {
    for (const { state } of this.#branches) if (state === 'silent') return;
    this.#done = true;
    this.#actions.done(undefined);
  }

  #cancelSilent(): void {
    if (!this.#isInvite) return;
    for (const { branch, state } of this.#branches) if (state === 'silent') this.#actions.cancel(branch);
  }
}

function isPending(state: BranchState): boolean {
  switch (state) {
    case 'calling':
    case 'proceeding':
    case 'cancelling':
      return true;
    case 'silent':
    case 'completed':
      return false;
  }
}
