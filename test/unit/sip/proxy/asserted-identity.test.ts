import test from 'ava';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import type { SipRequest } from '../../../../src/sip/message/request.ts';
import { checkAnswererIdentity } from '../../../../src/sip/proxy/asserted-identity.ts';
import { BranchPlanner } from '../../../../src/sip/proxy/branch-plan.ts';
import { FlowFinder } from '../../../../src/sip/proxy/flow-finder.ts';
import { OwnAddresses } from '../../../../src/sip/proxy/own-addresses.ts';
import type { Target } from '../../../../src/sip/proxy/ports.ts';
import type { Binding } from '../../../../src/sip/registrar/binding.ts';
import { answer, request } from '../registrar/messages.ts';

const IDENTITY = 'P-Asserted-Identity: <sip:alice@example.org>';
const network = new SimulatedNetwork({ clock: new VirtualClock() }).host('192.0.2.1');
const own = new OwnAddresses({ network }, { domains: ['example.org'] });
const transport = { flowToSync: () => undefined };
const planner = new BranchPlanner({
  own,
  gruus: undefined,
  flows: new FlowFinder({ transport, own, bindings: { bindings: () => [] } }),
});

const phone: Target = { kind: 'binding', binding: binding() };
const peer: Target = { kind: 'peer', peer: '0123456789abcdef0123456789abcdef', uri: 'sip:bob@example.org' };
const foreign: Target = { kind: 'uri', uri: 'sip:bob@192.0.2.77' };
const trunk: Target = { kind: 'uri', uri: 'sip:+4930123@192.0.2.78', isTrusted: true };

function invite(...headers: string[]): SipRequest {
  return request(`INVITE sip:bob@example.org SIP/2.0
    Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1
    From: <sip:alice@example.org>;tag=1
    To: <sip:bob@example.org>
    Call-ID: call-1
    CSeq: 1 INVITE
    ${headers.join('\n')}`);
}

/** Whether the copy for this target says who calls. */
function isTold(target: Target, ...headers: string[]): boolean {
  return planner.ofTarget(invite(IDENTITY, ...headers), target).request.has('P-Asserted-Identity');
}

test('RFC 3325 §7: with Privacy: id the identity stays among peers and trunks, and goes to no phone or stranger', (t) => {
  for (const privacy of ['id', 'ID', 'header;id', 'id;critical', 'user ; id']) {
    const header = `Privacy: ${privacy}`;
    t.deepEqual(
      [phone, foreign, peer, trunk].map((target) => isTold(target, header)),
      [false, false, true, true],
      header,
    );
  }
});

test('RFC 3325 §7: without Privacy for himself everybody called is told who calls', (t) => {
  for (const headers of [[], ['Privacy: none'], ['Privacy: session;identity']]) {
    t.deepEqual(
      [phone, foreign, peer, trunk].map((target) => isTold(target, ...headers)),
      [true, true, true, true],
    );
  }
});

test('RFC 3325 §7: what one phone of a fork is not told, the peer beside it still is', (t) => {
  const forked = invite(IDENTITY, 'Privacy: id');
  t.false(planner.ofTarget(forked, phone).request.has('P-Asserted-Identity'));
  t.true(planner.ofTarget(forked, peer).request.has('P-Asserted-Identity'));
});

test('RFC 3325 §5: within a dialog, where nobody is asked for a password, nobody is asserted', (t) => {
  const reading = { isTrusted: true, target: undefined, nextPeer: undefined, hasRoute: true };
  const message = invite(IDENTITY, 'P-Preferred-Identity: <sip:a@example.org>', 'Route: <sip:192.0.2.5;lr>');
  const plan = planner.ofRoutes(message, reading);
  t.false(plan.request.has('P-Asserted-Identity'));
  t.false(plan.request.has('P-Preferred-Identity'));
});

test('RFC 3325 §5: who answers is believed of a trunk only, and passed on unless it is private', (t) => {
  const passes = (isTrusted: boolean, ...headers: string[]) => {
    const response = answer(200, [IDENTITY, ...headers].join('\n'));
    checkAnswererIdentity(response, isTrusted);
    return response.has('P-Asserted-Identity');
  };
  t.false(passes(false));
  t.true(passes(true));
  t.false(passes(true, 'Privacy: id'));
});

function binding(): Binding {
  return {
    ...{ aor: 'bob@example.org', contact: 'sip:bob@192.0.2.50', params: '', q: 1, instance: undefined },
    ...{ regId: undefined, path: [], expiresAt: 1, updatedAt: 0, callId: 'r', cseq: 1, byFlow: false },
    ...{ transport: 'UDP', source: { host: '192.0.2.50', port: 5060 }, flow: undefined },
    local: { host: '192.0.2.1', port: 5060 },
  };
}
