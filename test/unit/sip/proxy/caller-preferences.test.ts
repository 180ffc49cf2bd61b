import test from 'ava';
import type { BindingTarget } from '../../../../src/sip/proxy/binding-targets.ts';
import { preferredTargets } from '../../../../src/sip/proxy/caller-preferences.ts';
import type { Binding } from '../../../../src/sip/registrar/binding.ts';
import { request } from '../registrar/messages.ts';

/** Phones by name: q and feature parameters of their Contacts. */
type Phones = Record<string, { q?: number; params?: string; updatedAt?: number }>;

function targets(phones: Phones): BindingTarget[] {
  return Object.entries(phones).map(([name, { q = 1, params = '', updatedAt = 1 }]) => {
    const binding: Binding = {
      ...{ aor: 'user@example.com', contact: `sip:${name}@h.example.com`, params, q, updatedAt },
      ...{ instance: undefined, regId: undefined, expiresAt: 2, callId: 'c', cseq: 1, path: [] },
      ...{ transport: 'UDP', byFlow: false, flow: undefined },
      ...{ source: { host: '192.0.2.9', port: 5060 }, local: { host: '192.0.2.1', port: 5060 } },
    };
    return { kind: 'binding', binding };
  });
}

/** The phones in the order they are tried, those tried together in one group. */
function order(phones: Phones, headers: string, method = 'INVITE'): string[] {
  const message = request(`${method} sip:user@example.com SIP/2.0
    Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
    From: <sip:alice@example.com>;tag=1
    To: <sip:user@example.com>
    Call-ID: c1
    CSeq: 1 ${method}
    ${headers}`);
  const groups = new Map<number, string[]>();
  for (const { binding, q } of preferredTargets(message, targets(phones))) {
    const key = q ?? binding.q;
    groups.set(key, [...(groups.get(key) ?? []), binding.contact.slice(4, binding.contact.indexOf('@'))]);
  }
  return [...groups].sort(([a], [b]) => b - a).map(([, names]) => names.join(' '));
}

const EXAMPLE: Phones = {
  u1: { params: ';audio;video;methods="INVITE,BYE"', q: 0.2 },
  u2: { params: ';audio="FALSE";methods="INVITE";actor="msg-taker"', q: 0.2 },
  u3: { params: ';audio;actor="msg-taker";methods="INVITE";video', q: 0.3 },
  u4: { params: ';audio;methods="INVITE,OPTIONS"', q: 0.2 },
  u5: { q: 0.5 },
};

test('RFC 3841 §7.2.5: the worked example', (t) => {
  const headers = `Reject-Contact: *;actor="msg-taker";video
    Accept-Contact: *;audio;require
    Accept-Contact: *;video;explicit
    Accept-Contact: *;methods="BYE";class="business";q=1.0`;
  t.deepEqual(order(EXAMPLE, headers), ['u5', 'u1', 'u4']);
  const compact = `j: *;actor="msg-taker";video
    a: *;audio;require, *;video;explicit, *;methods="BYE";class="business";q=1.0`;
  t.deepEqual(order(EXAMPLE, compact), ['u5', 'u1', 'u4']);
});

test('RFC 3841 §7.2.4: require drops what does not match, explicit and require what does not say so', (t) => {
  const phones: Phones = {
    says: { params: ';video' },
    denies: { params: ';video="FALSE"' },
    silent: { params: ';audio' },
  };
  t.deepEqual(order(phones, 'Accept-Contact: *;video;require'), ['says', 'silent']);
  t.deepEqual(order(phones, 'Accept-Contact: *;video;require;explicit'), ['says']);
  t.deepEqual(order(phones, 'Accept-Contact: *;video'), ['says', 'denies silent']);
  t.deepEqual(order({ denies: phones.denies! }, 'Accept-Contact: *;video;require'), []);
});

test('RFC 3841 §7.2.2: phones that say they lack the method or the event are left out, unless all do', (t) => {
  const phones: Phones = {
    calls: { params: ';methods="INVITE,ACK,BYE"' },
    texts: { params: ';methods="INVITE,MESSAGE"' },
    watches: { params: ';methods="SUBSCRIBE";events="dialog,presence"' },
    any: {},
  };
  t.deepEqual(order(phones, 'X-Some: 1'), ['calls texts any']);
  t.deepEqual(order(phones, 'X-Some: 1', 'MESSAGE'), ['texts any']);
  t.deepEqual(order(phones, 'Event: dialog;id=1', 'SUBSCRIBE'), ['watches any']);
  t.deepEqual(order(phones, 'Event: reg', 'SUBSCRIBE'), ['any']);
  t.deepEqual(order({ calls: phones.calls! }, 'X-Some: 1', 'MESSAGE'), ['calls']);
});

test('RFC 3841 §9.1: sequential, parallel and no-fork', (t) => {
  const phones: Phones = { a: {}, b: { updatedAt: 2 }, c: { q: 0.5, updatedAt: 3 } };
  t.deepEqual(order(phones, 'X-Some: 1'), ['a b', 'c']);
  t.deepEqual(order(phones, 'Request-Disposition: proxy, sequential'), ['a', 'b', 'c']);
  t.deepEqual(order(phones, 'd: Parallel'), ['a b c']);
  t.deepEqual(order(phones, 'Request-Disposition: no-fork'), ['b']);
  t.deepEqual(order({}, 'Request-Disposition: no-fork'), []);
});

test('RFC 3841 §10: a malformed preference is none', (t) => {
  const phones: Phones = { says: { params: ';video' }, denies: { params: ';video="FALSE"' } };
  for (const value of ['video;require', '*;;require', '*;require', '*;video="open;require'])
    t.deepEqual(order(phones, `Accept-Contact: ${value}`), ['says denies'], value);
});

test('bounds: of a thousand preferences the first 16 count, and those who are rejected stay so', (t) => {
  const many = Array.from({ length: 1000 }, () => '*;audio').join(', ');
  const phones: Phones = { says: { params: ';audio' }, denies: { params: ';audio="FALSE"' } };
  t.deepEqual(order(phones, `Reject-Contact: ${many}`), ['denies']);
});
