import test from 'ava';
import { LoopDetector } from '../../../../src/sip/proxy/loop-detection.ts';
import { request } from '../registrar/messages.ts';

const invite = (options: { uri?: string; vias?: string[]; cseq?: string; route?: string } = {}) =>
  request(`${options.cseq?.split(' ')[1] ?? 'INVITE'} ${options.uri ?? 'sip:bob@example.org'} SIP/2.0
    ${(options.vias ?? ['SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKcaller']).map((via) => `Via: ${via}`).join('\n')}
    From: <sip:alice@example.org>;tag=1
    To: <sip:bob@example.org>
    Call-ID: c1
    CSeq: ${options.cseq ?? '1 INVITE'}
    ${options.route === undefined ? '' : `Route: ${options.route}`}`);

test('RFC 5393 §4.2: the same request again is a loop, wherever our Via stands by then', (t) => {
  const loops = new LoopDetector({ boot: 'b00t' });
  const ours = `SIP/2.0/UDP 192.0.2.1;branch=${loops.branch(loops.fingerprint(invite()))}`;
  const other = 'SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKx';
  for (const vias of [[ours], [other, ours], [`${other}, ${ours};received=192.0.2.1`, other]]) {
    const looped = invite({ vias });
    t.true(loops.isLooped(looped, loops.fingerprint(looped)), vias.join());
  }
  t.false(loops.isLooped(invite(), loops.fingerprint(invite())));
});

test('RFC 5393 §4.2: a spiral, whose Request-URI or Route has changed, is none', (t) => {
  const loops = new LoopDetector({ boot: 'b00t' });
  const vias = [`SIP/2.0/UDP 192.0.2.1;branch=${loops.branch(loops.fingerprint(invite()))}`];
  for (const spiral of [
    invite({ vias, uri: 'sip:carol@example.org' }),
    invite({ vias, route: '<sip:192.0.2.7;lr>' }),
    invite({ vias, cseq: '2 INVITE' }),
  ]) {
    t.false(loops.isLooped(spiral, loops.fingerprint(spiral)));
  }
});

test('RFC 5393 §4.2.1: the fingerprint does not vary with the method', (t) => {
  const loops = new LoopDetector({ boot: 'b00t' });
  t.is(loops.fingerprint(invite()), loops.fingerprint(invite({ cseq: '1 CANCEL' })));
});

test('branches are unique; those of other elements mean nothing', (t) => {
  const loops = new LoopDetector({ boot: 'b00t' });
  const fingerprint = loops.fingerprint(invite());
  const branches = new Set(Array.from({ length: 1000 }, () => loops.branch(fingerprint)));
  t.is(branches.size, 1000);
  for (const branch of branches) t.true(branch.startsWith('z9hG4bK'));
  const theirs = new LoopDetector({ boot: 'other' }).branch(fingerprint);
  const message = invite({ vias: [`SIP/2.0/UDP 192.0.2.2;branch=${theirs}`] });
  t.false(loops.isLooped(message, fingerprint));
});
