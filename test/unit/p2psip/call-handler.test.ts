import test from 'ava';
import { CodedError, MemoryKeyValueStore, noMetrics, silentLogger } from '../../../src/base/index.ts';
import { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import { CallHandler } from '../../../src/p2psip/call-handler.ts';
import { Gruus } from '../../../src/p2psip/gruus.ts';
import { LocationService } from '../../../src/p2psip/location-service.ts';
import { PublicAddresses } from '../../../src/p2psip/public-addresses.ts';
import { Redirector } from '../../../src/p2psip/redirector.ts';
import { RegistrationEvents } from '../../../src/p2psip/registration-events.ts';
import { type Trunk, Trunks } from '../../../src/p2psip/trunks.ts';
import { Authenticator } from '../../../src/sip/auth/authenticator.ts';
import { AccountCredentials } from '../../../src/sip/auth/credentials.ts';
import { CONTACT_TOKEN } from '../../../src/sip/proxy/flow-token.ts';
import { OwnAddresses } from '../../../src/sip/proxy/own-addresses.ts';
import type { Binding } from '../../../src/sip/registrar/binding.ts';
import { BindingStore } from '../../../src/sip/registrar/binding-store.ts';
import { TemporaryGruus } from '../../../src/sip/registrar/temporary-gruus.ts';
import { credentials as digest } from '../../support/digest.ts';
import { FakeContext, type FakeRequest } from './fake-context.ts';
import { FakeOverlay, NODE_3, NODE_4 } from './fake-overlay.ts';

const BOB = 'bob@example.org';
const FOREIGN = 'sip:carol@elsewhere.net';

function setup(options: { mode?: 'proxy' | 'redirect'; auth?: boolean; trunks?: Trunk[] } = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const overlay = new FakeOverlay();
  const common = { clock, random, logger: silentLogger, metrics: noMetrics };
  const network = new SimulatedNetwork({ clock, random }, { seed: 1 }).host('10.0.0.1');
  const own = new OwnAddresses({ network }, { domains: ['example.org'] });
  const bindings = new BindingStore({ ...common, store: new MemoryKeyValueStore() });
  const locations = new LocationService({
    ...common,
    overlay,
    isOverlayDomain: (domain) => domain === 'example.org',
  });
  const credentials = new AccountCredentials({
    realm: 'example.org',
    accounts: [
      { aor: 'alice@example.org', password: 'secret' },
      { aor: BOB, password: 'secret' },
    ],
  });
  const requests = { reachOf: () => CONTACT_TOKEN, send: async () => 200 };
  const events = new RegistrationEvents({ ...common, bindings, own, requests });
  const temporary = new TemporaryGruus({ random }, { key: new Uint8Array(16), nodeHex: overlay.nodeId });
  const connections = { learnRoute() {} };
  const calls = new CallHandler(
    {
      events,
      gruus: new Gruus({ bindings, own, temporary, connections }, { nodeHex: overlay.nodeId }),
      trunks: new Trunks(options.trunks),
      ...{ ...common, bindings, locations, own, connections },
      redirector: new Redirector({ addresses: new PublicAddresses({ ...common, overlay }) }),
      authenticator: options.auth ? new Authenticator({ ...common, credentials, own }) : undefined,
      hasAccount: (aor) => credentials.has(aor),
    },
    { mode: options.mode ?? 'proxy' },
  );
  const register = (contact: string, changes: Partial<Binding> = {}) =>
    bindings.replace(BOB, [
      ...bindings.bindings(BOB),
      {
        ...{ aor: BOB, contact, params: '', q: 1, instance: undefined, regId: undefined, path: [] },
        ...{ expiresAt: clock.now() + 60_000, updatedAt: clock.now(), callId: 'r', cseq: 1, byFlow: false },
        ...{
          transport: 'UDP',
          source: { host: '127.0.0.1', port: 5080 },
          local: { host: '127.0.0.1', port: 5060 },
        },
        flow: undefined,
        ...changes,
      },
    ]);
  const call = async (request: FakeRequest = {}) => {
    const context = new FakeContext(own, request);
    await calls.handle(context);
    return context;
  };
  return { clock, overlay, locations, register, call };
}

test('A7: local bindings ring at once, those at other peers join in', async (t) => {
  const { clock, overlay, register, call } = setup();
  await register('sip:bob@127.0.0.1:5080');
  overlay.putRoute(BOB, NODE_3, clock.now());
  const { summary } = await call();
  t.deepEqual(summary, ['binding sip:bob@127.0.0.1:5080', `peer ${NODE_3} sip:bob@example.org`]);
});

test('A7: an unknown user is 404, a known one without a phone 480', async (t) => {
  const { clock, overlay, call } = setup();
  t.is((await call({ uri: 'sip:nobody@example.org' })).status, 404);
  t.is((await call()).status, 480);
  overlay.put('gone@example.org', {
    ...{ node: NODE_3, registration: { type: 'removed' } as const, storageTime: clock.now(), lifetimeS: 60 },
  });
  t.is((await call({ uri: 'sip:gone@example.org' })).status, 480);
});

test('no answer from the overlay: 504 without a local binding, the local phone rings with one', async (t) => {
  const { overlay, register, call } = setup();
  overlay.fetchError = new CodedError('overlay-unreachable', 'no answer');
  t.is((await call()).status, 504);
  await register('sip:bob@127.0.0.1:5080');
  t.is((await call()).status, 200);
});

test('a cached record that led nowhere is fetched again for the next call', async (t) => {
  const { clock, overlay, locations, call } = setup();
  overlay.putRoute(BOB, NODE_3, clock.now());
  await call();
  t.is(overlay.fetches, 1);
  locations.markFailed(NODE_3);
  t.is((await call()).status, 480);
  await call();
  t.is(overlay.fetches, 2);
});

test('a request from another peer goes to local bindings only, and never registers or publishes', async (t) => {
  const { clock, overlay, register, call } = setup();
  overlay.putRoute(BOB, NODE_4, clock.now());
  t.is((await call({ overlayPeer: NODE_3 })).status, 480);
  t.is(overlay.fetches, 0);
  await register('sip:bob@127.0.0.1:5080');
  t.deepEqual((await call({ overlayPeer: NODE_3 })).summary, ['binding sip:bob@127.0.0.1:5080']);
  t.is((await call({ overlayPeer: NODE_3, method: 'PUBLISH' })).status, 403);
  t.is((await call({ overlayPeer: NODE_3, uri: FOREIGN })).status, 403);
});

test('an identity another peer asserts stays only when the overlay says that peer serves the user', async (t) => {
  const { clock, overlay, register, call } = setup();
  await register('sip:bob@127.0.0.1:5080');
  overlay.putRoute('alice@example.org', NODE_3, clock.now());
  const headers = ['P-Asserted-Identity: <sip:alice@example.org>'];
  t.true((await call({ overlayPeer: NODE_3, headers })).request.has('P-Asserted-Identity'));
  t.false((await call({ overlayPeer: NODE_4, headers })).request.has('P-Asserted-Identity'));
  t.false((await call({ headers })).request.has('P-Asserted-Identity'));
  const many = [
    `P-Asserted-Identity: ${Array.from({ length: 3 }, () => '<sip:alice@example.org>').join(', ')}`,
  ];
  t.false((await call({ overlayPeer: NODE_3, headers: many })).request.has('P-Asserted-Identity'));
});

test('an overlay that does not say who serves the caller holds up no call: it rings without the identity', async (t) => {
  const { clock, overlay, register, call } = setup();
  await register('sip:bob@127.0.0.1:5080');
  overlay.fetchRegistrations = () => new Promise(() => {});
  const headers = ['P-Asserted-Identity: <sip:alice@example.org>'];
  const context = await clock.runUntil(call({ overlayPeer: NODE_3, headers }));
  t.false(context.request.has('P-Asserted-Identity'));
  t.deepEqual(context.summary, ['binding sip:bob@127.0.0.1:5080']);
  t.is(clock.monotonic(), 500);
});

test('RFC 3325 §5: who showed his password is asserted under the name in From, whatever he claimed or preferred', async (t) => {
  const { register, call } = setup({ auth: true });
  await register('sip:bob@127.0.0.1:5080');
  const nonce = async () => {
    const { headers } = await call();
    return /nonce="([^"]+)"/.exec(headers[0]![1])![1]!;
  };
  const claims = [
    'P-Asserted-Identity: <sip:bob@example.org>',
    'P-Preferred-Identity: <sip:bob@example.org>',
  ];
  const proof = async () => `Proxy-Authorization: ${digest({ nonce: await nonce(), method: 'INVITE' })}`;
  const { request, status } = await call({
    headers: [...claims, await proof()],
    fromName: 'Alice "A" Liddell',
  });
  t.is(status, 200);
  t.deepEqual(request.headers('P-Asserted-Identity'), ['"Alice \\"A\\" Liddell" <sip:alice@example.org>']);
  t.false(request.has('P-Preferred-Identity'));
  const nameless = await call({ headers: [await proof()] });
  t.deepEqual(nameless.request.headers('P-Asserted-Identity'), ['<sip:alice@example.org>']);
});

test('RFC 3325 §5: who showed no password is not asserted: strangers, trunks, and anybody where none is asked for', async (t) => {
  const headers = [
    'P-Asserted-Identity: <sip:bob@example.org>',
    'P-Preferred-Identity: <sip:bob@example.org>',
  ];
  const trunk = { match: /^\+/, to: 'sip:trunk.example.net', from: ['127.0.0.1'] };
  const callers = [
    setup({ auth: true }).call({ from: FOREIGN, headers }),
    setup({ auth: true, trunks: [trunk] }).call({ headers }),
    setup().call({ headers }),
  ];
  for (const { request } of await Promise.all(callers)) {
    t.false(request.has('P-Asserted-Identity'));
    t.false(request.has('P-Preferred-Identity'));
  }
});

test('RFC 3325 §2.3: a trunk of ours is of the trust domain, a Contact or a domain elsewhere is not', async (t) => {
  const trunk = { match: /^\+/, to: 'sip:trunk.example.net', from: [] };
  const { call } = setup({ trunks: [trunk] });
  const [out] = (await call({ uri: 'sip:+4930123@example.org' })).targets;
  t.like(out, { kind: 'uri', isTrusted: true });
  const [elsewhere] = (await call({ uri: FOREIGN })).targets;
  t.deepEqual(elsewhere, { kind: 'uri', uri: FOREIGN });
});

test('our own users are challenged before any lookup, unknown ones just the same', async (t) => {
  const { overlay, call } = setup({ auth: true });
  t.is((await call()).status, 407);
  t.is((await call({ from: 'sip:nobody@example.org' })).status, 407);
  t.is(overlay.fetches, 0);
});

test('callers from foreign domains reach users served here, and nobody else', async (t) => {
  const { register, call } = setup({ auth: true });
  await register('sip:bob@127.0.0.1:5080');
  t.is((await call({ from: FOREIGN })).status, 200);
  t.is((await call({ from: FOREIGN, uri: 'sip:dave@third.net' })).status, 403);
  t.is((await call({ from: FOREIGN, hasRoute: true })).status, 403);
});

test('a request of our own user for a foreign Contact is relayed', async (t) => {
  const { call } = setup({ mode: 'redirect' });
  t.deepEqual((await call({ uri: 'sip:bob@127.0.0.1:5999' })).summary, ['uri sip:bob@127.0.0.1:5999']);
});

test('A9: a redirector names local contacts with their q, and the public address of other peers', async (t) => {
  const { clock, overlay, register, call } = setup({ mode: 'redirect' });
  await register('sip:bob@127.0.0.1:5080', { q: 0.5 });
  await register('sip:bob@127.0.0.1:5081', { byFlow: true });
  overlay.putRoute(BOB, NODE_3, clock.now());
  overlay.addresses.set(NODE_3, ['sip:192.0.2.7:5062', 'sip:192.0.2.7:5062;transport=tcp']);
  const { status, contacts } = await call();
  t.is(status, 302);
  t.deepEqual(contacts, [{ uri: 'sip:bob@127.0.0.1:5080', q: 0.5 }, { uri: 'sip:bob@192.0.2.7:5062' }]);
});

test('the INVITE that follows a 302 and comes back through us takes the overlay to that peer', async (t) => {
  const { clock, overlay, call } = setup({ mode: 'redirect' });
  overlay.putRoute(BOB, NODE_3, clock.now());
  overlay.addresses.set(NODE_3, ['sip:192.0.2.7:5062']);
  const { contacts } = await call();
  t.deepEqual((await call({ uri: contacts[0]!.uri })).summary, [`peer ${NODE_3} sip:bob@example.org`]);
});

test('A9: a redirector answers 404, 480 and 504 as a proxy does', async (t) => {
  const { clock, overlay, call } = setup({ mode: 'redirect' });
  t.is((await call({ uri: 'sip:nobody@example.org' })).status, 404);
  t.is((await call()).status, 480);
  // A peer that publishes no address cannot be named.
  overlay.putRoute('carol@example.org', NODE_3, clock.now());
  t.is((await call({ uri: 'sip:carol@example.org' })).status, 480);
  overlay.fetchError = new CodedError('overlay-unreachable', 'no answer');
  t.is((await call({ uri: 'sip:dave@example.org' })).status, 504);
});

test('RFC 6665 §4.2.1.1: a SUBSCRIBE or PUBLISH for the own AoR is 489, never forked back to the phone', async (t) => {
  const { register, call } = setup();
  await register('sip:bob@127.0.0.1:5080');
  for (const event of ['message-summary', 'presence', 'dialog']) {
    for (const method of ['SUBSCRIBE', 'PUBLISH']) {
      const headers = [`Event: ${event}`];
      const own = await call({ method, from: 'sip:bob@example.org', headers });
      t.is(own.status, 489);
      t.deepEqual(own.targets, []);
      t.deepEqual(own.headers, [['Allow-Events', 'reg']]);
    }
  }
  const blf = await call({ method: 'SUBSCRIBE', headers: ['Event: dialog'] });
  t.deepEqual(
    blf.summary,
    ['binding sip:bob@127.0.0.1:5080'],
    "the state of another's phone is that phone's to tell",
  );
});

test('RFC 6665 §4.2.1.1: nobody learns by a SUBSCRIBE without a password what is served here', async (t) => {
  const { call } = setup({ auth: true });
  const own = await call({ method: 'SUBSCRIBE', from: 'sip:bob@example.org', headers: ['Event: presence'] });
  t.is(own.status, 407);
});

test('RFC 3680 §6: who only says that he is a user is not told where that user is', async (t) => {
  const subscribe = {
    ...{ method: 'SUBSCRIBE', from: 'sip:bob@example.org' },
    headers: ['Event: reg', 'Contact: <sip:bob@127.0.0.1:5070>'],
  };
  const trunk = { match: /^\+/, to: 'sip:trunk.example.net', from: ['127.0.0.1'] };
  const { register, call } = setup({ auth: true, trunks: [trunk] });
  await register('sip:bob@127.0.0.1:5080');
  const { status, targets } = await call(subscribe);
  t.is(status, 403);
  t.deepEqual(targets, []);
  t.is((await setup().call(subscribe)).status, 200, 'where nobody is asked for a password');
});

test('RFC 3841 §7.2: explicit preferences choose among the phones here; when none is left it is 480', async (t) => {
  const { register, call } = setup();
  await register('sip:bob@127.0.0.1:5080', { params: ';audio;video' });
  await register('sip:bob@127.0.0.1:5081', { params: ';audio;automata' });
  const human = await call({ headers: ['Reject-Contact: *;automata'] });
  t.deepEqual(human.summary, ['binding sip:bob@127.0.0.1:5080']);
  const nobody = await call({ headers: ['Accept-Contact: *;+sip.fax="TRUE";require;explicit'] });
  t.is(nobody.status, 480);
  t.deepEqual(nobody.targets, []);
});

test('RFC 3841 §9.1: no-fork rings one phone, here or at one other peer', async (t) => {
  const { clock, overlay, register, call } = setup();
  overlay.putRoute(BOB, NODE_3, clock.now());
  overlay.putRoute(BOB, NODE_4, clock.now());
  const headers = ['Request-Disposition: proxy, no-fork'];
  t.is((await call({ headers })).targets.length, 1);
  await register('sip:bob@127.0.0.1:5080', { q: 0.5 });
  await register('sip:bob@127.0.0.1:5081');
  t.deepEqual((await call({ headers })).summary, ['binding sip:bob@127.0.0.1:5081']);
  t.is((await call()).targets.length, 4);
});

test('RFC 3841 §7.2.4: a redirector gives its contacts a q in the order the caller prefers', async (t) => {
  const { register, call } = setup({ mode: 'redirect' });
  await register('sip:bob@127.0.0.1:5080', { params: ';audio' });
  await register('sip:bob@127.0.0.1:5081', { params: ';audio;video' });
  const { contacts } = await call({ headers: ['Accept-Contact: *;audio;video'] });
  t.deepEqual(contacts, [{ uri: 'sip:bob@127.0.0.1:5081' }, { uri: 'sip:bob@127.0.0.1:5080', q: 0.5 }]);
});

const URN = 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
const GRUU = `sip:${BOB};gr=${URN}`;

test('S5, RFC 5627 §6.1: a GRUU rings its phone alone, here or at the peers that serve the user', async (t) => {
  const { clock, overlay, register, call } = setup();
  overlay.putRoute(BOB, NODE_3, clock.now());
  await register('sip:bob@127.0.0.1:5080');
  t.deepEqual((await call({ uri: GRUU })).summary, [`peer ${NODE_3} ${GRUU}`]);
  await register('sip:bob@127.0.0.1:5082', { instance: `"<${URN}>"` });
  t.deepEqual((await call({ uri: GRUU })).summary, ['binding sip:bob@127.0.0.1:5082']);
  t.deepEqual((await call({ uri: GRUU, overlayPeer: NODE_3 })).summary, ['binding sip:bob@127.0.0.1:5082']);
});

test('RFC 5627 §6.1: 480 for a phone that is not registered, 404 for a user or a GRUU that is none', async (t) => {
  const { clock, overlay, register, call } = setup();
  await register('sip:bob@127.0.0.1:5080');
  t.is((await call({ uri: GRUU })).status, 480);
  t.is((await call({ uri: GRUU, overlayPeer: NODE_3 })).status, 480);
  t.is((await call({ uri: `sip:nobody@example.org;gr=${URN}` })).status, 404);
  t.is((await call({ uri: 'sip:tgruu.AAAA@example.org;gr' })).status, 404);
  overlay.fetchError = new CodedError('overlay-unreachable', 'no answer');
  await clock.advance(6000);
  t.is((await call({ uri: GRUU })).status, 504);
});

test('RFC 5627 §6.1: a GRUU is neither redirected nor forwarded', async (t) => {
  const { clock, overlay, register, call } = setup({ mode: 'redirect' });
  await register('sip:bob@127.0.0.1:5082', { instance: `"<${URN}>"` });
  t.deepEqual((await call({ uri: GRUU })).summary, ['binding sip:bob@127.0.0.1:5082']);
  const away = 'away@example.org';
  overlay.put(away, {
    ...{ node: NODE_3, registration: { type: 'uri', uri: FOREIGN } as const },
    ...{ storageTime: clock.now(), lifetimeS: 60 },
  });
  t.is((await call({ uri: `sip:${away};gr=${URN}` })).status, 480);
});

test('a request from another peer for a GRUU of a third one goes no further', async (t) => {
  const { call } = setup();
  const uri = `sip:tgruu.${Buffer.alloc(96, 0x33).toString('base64url')}@example.org;gr`;
  t.deepEqual((await call({ uri })).summary, [`peer ${NODE_3} ${uri}`]);
  const forwarded = await call({ uri, overlayPeer: NODE_4 });
  t.deepEqual(forwarded.summary, []);
  t.is(forwarded.status, 480);
});

test('RFC 5627 §6.1: within a dialog that is not routed through us a GRUU reaches its phone, an AoR does not', async (t) => {
  const { register, call } = setup();
  await register('sip:bob@127.0.0.1:5082', { instance: `"<${URN}>"` });
  const stray = { method: 'BYE', isStrayInDialog: true, overlayPeer: NODE_3 };
  t.deepEqual((await call({ ...stray, uri: GRUU })).summary, ['binding sip:bob@127.0.0.1:5082']);
  t.is((await call({ ...stray, uri: `sip:${BOB}` })).status, 403);
  t.is((await call({ ...stray, overlayPeer: undefined!, uri: GRUU, from: FOREIGN })).status, 403);
});

test('RFC 5630 §5.3: by SIPS only phones with a SIPS Contact are reached; 480 says so where there is no other', async (t) => {
  const { clock, overlay, register, call } = setup({
    trunks: [{ match: /^\d+$/, to: 'sip:trunk.example.net', from: [] }],
  });
  const uri = `sips:${BOB}`;
  overlay.putRoute(BOB, NODE_3, clock.now());
  t.deepEqual((await call({ uri })).summary, [`peer ${NODE_3} ${uri}`]);
  await register('sip:bob@127.0.0.1:5080');
  const refused = await call({ uri, overlayPeer: NODE_3 });
  t.is(refused.status, 480);
  t.deepEqual(refused.headers, [['Warning', '380 example.org "SIPS Not Allowed"']]);
  t.is((await call({ uri: 'sips:5551@example.org' })).headers[0]?.[0], 'Warning');
  await register('sips:bob@127.0.0.1:5081');
  t.deepEqual((await call({ uri, overlayPeer: NODE_3 })).summary, ['binding sips:bob@127.0.0.1:5081']);
  t.is((await call({ overlayPeer: NODE_3 })).targets.length, 2, 'SIP reaches both');
});
