import test from 'ava';
import type { SipResponse } from '../../../../src/sip/message/response.ts';
import { ResponseContext } from '../../../../src/sip/proxy/response-context.ts';
import { answer } from '../registrar/messages.ts';

/** A response context whose branches are letters; what it does is written down. */
class Bench {
  readonly log: string[] = [];
  readonly forwarded: SipResponse[] = [];
  readonly context: ResponseContext<string>;

  constructor(branches: string, method = 'INVITE') {
    this.context = new ResponseContext<string>(method, {
      forward: (response) => {
        this.forwarded.push(response);
        this.log.push(`forward ${response.status}`);
      },
      answer: (status) => this.log.push(`answer ${status}`),
      cancel: (branch) => this.log.push(`cancel ${branch}`),
      idle: () => this.log.push('idle'),
      done: (status) => this.log.push(`done ${status}`),
    });
    for (const branch of branches) this.context.open(branch);
  }

  /** All targets are known. */
  static complete(branches: string, method?: string): Bench {
    const bench = new Bench(branches, method);
    bench.context.completeTargets();
    return bench;
  }

  receive(branch: string, ...statuses: number[]): this {
    for (const status of statuses) this.context.receive(branch, answer(status));
    return this;
  }

  /** What happened since the last call. */
  take(): string[] {
    return this.log.splice(0);
  }
}

test('§16.7 step 5: provisional responses go upstream at once, 100 never', (t) => {
  const bench = Bench.complete('ab').receive('a', 100, 180).receive('b', 183);
  t.deepEqual(bench.take(), ['forward 180', 'forward 183']);
});

test('§16.7 steps 5 and 10: the first 2xx goes upstream at once and cancels the others', (t) => {
  const bench = Bench.complete('abc').receive('a', 180).receive('b', 180);
  bench.take();
  bench.receive('a', 200);
  t.deepEqual(bench.take(), ['forward 200', 'cancel b', 'cancel c', 'done 200']);
  bench.receive('b', 487).receive('c', 180);
  t.deepEqual(bench.take(), [], 'nothing else follows');
});

test('§16.7 step 5: every 2xx to an INVITE is forwarded, also after a final response, others only once', (t) => {
  const invite = Bench.complete('ab').receive('a', 200, 200).receive('b', 200);
  t.deepEqual(invite.take().filter((entry) => entry === 'forward 200').length, 3);
  const message = Bench.complete('ab', 'MESSAGE').receive('a', 200).receive('b', 200);
  t.deepEqual(message.take(), ['forward 200', 'done 200']);
});

test('§16.7 step 6: failures wait for all branches, then the best one goes upstream', (t) => {
  const bench = Bench.complete('abc').receive('a', 404);
  t.deepEqual(bench.take(), []);
  bench.receive('b', 503).receive('c', 486);
  t.deepEqual(bench.take(), ['forward 486', 'done 486']);
});

test('§16.7 step 5: 6xx cancels all others and is sent when they have ended; no more branches', (t) => {
  const bench = new Bench('ab').receive('b', 180);
  bench.take();
  bench.receive('a', 603);
  t.deepEqual(bench.take(), ['cancel b']);
  t.false(bench.context.wantsBranches);
  bench.receive('b', 487);
  t.deepEqual(bench.take(), ['forward 603', 'done 603'], 'although not all targets are known');
});

test('§16.7 step 5: a 2xx that crosses the 6xx still wins', (t) => {
  const bench = Bench.complete('ab').receive('b', 180).receive('a', 600).receive('b', 200);
  t.deepEqual(bench.take(), ['forward 180', 'cancel b', 'forward 200', 'done 200']);
});

test('§16.7 step 6: 503 says nothing of us and becomes 500', (t) => {
  t.deepEqual(Bench.complete('a').receive('a', 503).take(), ['answer 500', 'done 500']);
  t.deepEqual(Bench.complete('ab').receive('a', 503).receive('b', 501).take(), ['forward 501', 'done 501']);
});

test('§16.7 step 7: challenges of all branches stand in the one that is sent', (t) => {
  const bench = Bench.complete('abc');
  bench.context.receive('a', answer(401, 'WWW-Authenticate: Digest realm="a"'));
  bench.context.receive('b', answer(486));
  bench.context.receive('c', answer(407, 'Proxy-Authenticate: Digest realm="c"'));
  t.deepEqual(bench.take(), ['forward 401', 'done 401']);
  t.deepEqual(bench.forwarded[0]?.headers('WWW-Authenticate'), ['Digest realm="a"']);
  t.deepEqual(bench.forwarded[0]?.headers('Proxy-Authenticate'), ['Digest realm="c"']);
});

test('§16.10: CANCEL goes to all branches; the caller gets 487', (t) => {
  const bench = Bench.complete('ab').receive('a', 180).receive('b', 100);
  bench.take();
  bench.context.cancel();
  t.deepEqual(bench.take(), ['cancel a', 'cancel b']);
  bench.receive('a', 487).receive('b', 487);
  t.deepEqual(bench.take(), ['forward 487', 'done 487']);
  bench.context.cancel();
  t.deepEqual(bench.take(), []);
});

test('§16.10: a CANCEL before there is any branch is 487; later targets are not wanted', (t) => {
  const bench = new Bench('');
  bench.context.cancel();
  t.deepEqual(bench.take(), ['answer 487', 'done 487']);
  t.false(bench.context.wantsBranches);
});

test('§16.10: a branch that never answers its CANCEL is 487 to the caller too, and a 200 that crosses wins', (t) => {
  const lost = Bench.complete('a').receive('a', 180);
  lost.context.cancel();
  lost.context.fail('a', 408);
  t.deepEqual(lost.take(), ['forward 180', 'cancel a', 'answer 487', 'done 487']);
  const crossed = Bench.complete('a').receive('a', 180);
  crossed.context.cancel();
  crossed.receive('a', 200);
  t.deepEqual(crossed.take(), ['forward 180', 'cancel a', 'forward 200', 'done 200']);
});

test('§16.8: timer C cancels a ringing branch; its 487 is a time-out to the caller', (t) => {
  const bench = Bench.complete('a').receive('a', 180);
  bench.context.expire('a');
  t.deepEqual(bench.take(), ['forward 180', 'cancel a']);
  bench.context.expire('a');
  bench.receive('a', 487);
  t.deepEqual(bench.take(), ['answer 408', 'done 408']);
});

test('§16.8: timer C on a branch that said nothing counts as 408', (t) => {
  const bench = Bench.complete('a');
  bench.context.expire('a');
  t.deepEqual(bench.take(), ['cancel a', 'answer 408', 'done 408']);
});

test('architecture "Calls": a silent branch counts as 408 and does not hide a busy callee', (t) => {
  const bench = Bench.complete('ab').receive('a', 486);
  t.deepEqual(bench.take(), []);
  bench.context.silence('b');
  t.deepEqual(bench.take(), ['forward 486', 'cancel b', 'done 486']);
});

test('architecture "Calls": a silent branch that speaks after all is a branch again', (t) => {
  const bench = Bench.complete('ab').receive('a', 180);
  bench.context.silence('b');
  bench.receive('b', 180).receive('a', 486);
  t.deepEqual(bench.take(), ['forward 180', 'forward 180']);
  bench.receive('b', 200);
  t.deepEqual(bench.take(), ['forward 200', 'done 200']);
});

test('architecture "Calls": a branch that has been heard is never silent', (t) => {
  const bench = Bench.complete('a').receive('a', 100);
  bench.context.silence('a');
  t.deepEqual(bench.take(), []);
  t.is(bench.context.pending, 1);
});

test('all branches silent: 408 for an INVITE, nothing for anything else but a late answer (RFC 4320)', (t) => {
  const invite = Bench.complete('a');
  invite.context.silence('a');
  t.deepEqual(invite.take(), ['answer 408', 'cancel a', 'done 408']);
  const message = Bench.complete('a', 'MESSAGE');
  message.context.silence('a');
  t.deepEqual(message.take(), []);
  message.receive('a', 200);
  t.deepEqual(message.take(), ['forward 200', 'done 200']);
});

test('RFC 4320 §4.2: a time-out of a request other than INVITE is not told upstream', (t) => {
  const bench = Bench.complete('a', 'MESSAGE');
  bench.context.fail('a', 408);
  t.deepEqual(bench.take(), ['done undefined']);
  const forked = Bench.complete('ab', 'MESSAGE');
  forked.context.fail('a', 408);
  forked.receive('b', 404);
  t.deepEqual(forked.take(), ['forward 404', 'done 404']);
});

test('targets still being looked up hold back failures, not successes', (t) => {
  const bench = new Bench('a').receive('a', 404);
  t.deepEqual(bench.take(), ['idle']);
  bench.context.open('b');
  bench.context.completeTargets();
  t.deepEqual(bench.take(), []);
  bench.receive('b', 480);
  t.deepEqual(bench.take(), ['forward 404', 'done 404']);
  t.deepEqual(new Bench('a').receive('a', 200).take(), ['forward 200', 'done 200']);
});

test('no target at all: the status asked for', (t) => {
  const bench = new Bench('');
  bench.context.completeTargets(404);
  t.deepEqual(bench.take(), ['answer 404', 'done 404']);
  t.true(bench.context.isDone);
});

test('§16.9: what ended without a response counts by its status', (t) => {
  const bench = Bench.complete('ab');
  bench.context.fail('a', 430);
  bench.context.fail('a', 503);
  bench.receive('b', 404);
  t.deepEqual(bench.take(), ['forward 404', 'done 404']);
  const lone = Bench.complete('a');
  lone.context.fail('a', 503);
  t.deepEqual(lone.take(), ['answer 500', 'done 500']);
});
