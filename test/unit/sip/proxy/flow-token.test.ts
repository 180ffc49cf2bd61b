import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { parseUri } from '../../../../src/sip/message/uri.ts';
import { CONTACT_TOKEN, FlowTokens, type TokenTarget } from '../../../../src/sip/proxy/flow-token.ts';

const tokens = new FlowTokens({ key: new Uint8Array(32).fill(1) });
const flow: TokenTarget = {
  kind: 'flow',
  transport: 'WSS',
  remote: { host: '2001:db8::9', port: 40_000 },
  localPort: 443,
  binding: { aor: "al!ce%o'@example.org", key: '"<urn:uuid:1>"' },
};

test('RFC 5626 §5.2: a token gives back what it names, and only for its own dialog', (t) => {
  for (const target of [CONTACT_TOKEN, flow, { ...flow, binding: undefined }]) {
    const token = tokens.mint(target, 'call-1');
    t.deepEqual(tokens.read(token, 'call-1', 'a'), target);
    t.is(tokens.read(token, 'call-2', 'a'), undefined);
  }
});

test('a token for both sides names the callee to the caller, and the caller to the callee', (t) => {
  const token = tokens.mintBoth({ caller: CONTACT_TOKEN, callee: flow, callerTag: 'a' }, 'call-1');
  t.deepEqual(tokens.read(token, 'call-1', 'a'), flow);
  t.deepEqual(tokens.read(token, 'call-1', 'b'), CONTACT_TOKEN);
  t.is(tokens.read(token, 'call-2', 'a'), undefined);
  const plain = tokens.mintBoth({ caller: CONTACT_TOKEN, callee: CONTACT_TOKEN, callerTag: 'a' }, 'call-1');
  t.is(
    plain,
    tokens.mint(CONTACT_TOKEN, 'call-1'),
    'two plain phones: the short hash over the Call-ID alone',
  );
});

test('a token outlives a restart, and needs its key', (t) => {
  const token = tokens.mint(flow, 'call-1');
  t.deepEqual(new FlowTokens({ key: new Uint8Array(32).fill(1) }).read(token, 'call-1', 'a'), flow);
  t.is(new FlowTokens({ key: new Uint8Array(32).fill(2) }).read(token, 'call-1', 'a'), undefined);
});

test('the token of a plain phone is the same after thousands of other calls', (t) => {
  const token = tokens.mint(CONTACT_TOKEN, 'first');
  for (let call = 0; call < 5_000; call += 1) tokens.mint(CONTACT_TOKEN, `call-${call}`);
  t.is(tokens.mint(CONTACT_TOKEN, 'first'), token);
  t.deepEqual(tokens.read(token, 'first', 'a'), CONTACT_TOKEN);
});

test('the token of a call with an endless Call-ID is good, and nothing of it is kept', (t) => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const heapUsed = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heapUsed();
  for (let call = 0; call < 1_000; call += 1) {
    const callId = String(call).padStart(60_000, 'x');
    t.deepEqual(tokens.read(tokens.mint(CONTACT_TOKEN, callId), callId, 'a'), CONTACT_TOKEN);
  }
  t.true(heapUsed() - before < 20e6);
});

test('a token stands in a URI as it is; that of a plain phone is short', (t) => {
  for (const target of [CONTACT_TOKEN, flow]) {
    const token = tokens.mint(target, 'call-1');
    t.is(parseUri(`sip:${token}@192.0.2.1;lr`).user, token);
  }
  t.true(tokens.mint(CONTACT_TOKEN, 'call-1').length <= 14);
});

test('changed, cut and invented tokens are refused', (t) => {
  const token = tokens.mint(flow, 'call-1');
  const other = tokens.mint({ ...flow, localPort: 5060 }, 'call-1');
  const spliced = `${other.slice(0, other.indexOf('.'))}${token.slice(token.indexOf('.'))}`;
  for (const forged of [spliced, token.slice(0, -1), `${token}A`, '', 'c-', 'f-', 'f-.', 'f-AAAA', 'alice']) {
    t.is(tokens.read(forged, 'call-1', 'a'), undefined, forged);
  }
});
