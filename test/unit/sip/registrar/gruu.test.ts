import test from 'ava';
import { MemoryKeyValueStore, noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { parseNameAddr } from '../../../../src/sip/message/name-addr.ts';
import { unquote } from '../../../../src/sip/message/text.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';
import { BindingStore } from '../../../../src/sip/registrar/binding-store.ts';
import { GruuIssuer } from '../../../../src/sip/registrar/gruu-issuer.ts';
import { instanceOf, isInstance, publicGruu } from '../../../../src/sip/registrar/public-gruu.ts';
import { Registrar } from '../../../../src/sip/registrar/registrar.ts';
import { TemporaryGruus } from '../../../../src/sip/registrar/temporary-gruus.ts';
import { FakeFlow, request } from './messages.ts';

const AOR = 'alice@example.org';
const URN = 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
const PUBLIC = `sip:${AOR};gr=${URN}`;
const SUPPORTED = 'Supported: gruu, path';

function setup(options: { offers?: boolean } = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const kv = new MemoryKeyValueStore();
  const deps = { clock, store: kv, logger: silentLogger, metrics: noMetrics };
  const store = new BindingStore(deps);
  const temporary = new TemporaryGruus({ random }, { key: new Uint8Array(16), nodeHex: '11'.repeat(16) });
  const domainOf = (host: string) => (host === 'example.org' ? host : undefined);
  const own = { firstDomain: 'example.org', domainOf };
  const gruus = options.offers === false ? undefined : new GruuIssuer({ random, own, temporary });
  const registrar = new Registrar({ ...deps, store, gruus });
  let cseq = 0;
  const register = async (headers: string, { callId = 'c1' } = {}) => {
    cseq += 1;
    const message = request(`REGISTER sip:example.org SIP/2.0
      Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK${cseq}
      From: <sip:${AOR}>;tag=1
      To: <sip:${AOR}>
      Call-ID: ${callId}
      CSeq: ${cseq} REGISTER
      ${headers}`);
    const flow = new FakeFlow('UDP', '192.0.2.9:5060');
    const result = await registrar.process(message, flow, AOR);
    const contacts = [...result.headers].filter(([name]) => name === 'Contact');
    const given = contacts.map(([, value]) => {
      const { params } = parseNameAddr(value);
      const uriOf = (name: string) => {
        const text = params.get(name);
        return typeof text === 'string' ? unquote(text) : undefined;
      };
      return { pub: uriOf('pub-gruu'), temp: uriOf('temp-gruu') };
    });
    return { status: result.status, given };
  };
  /** Whether a temporary GRUU leads to a phone that is registered. */
  const holds = (uri: string | undefined, in_ = store) => {
    const opened = uri === undefined ? undefined : temporary.open(parseUri(uri).user!);
    return in_.bindings(AOR).some(({ gruuSeries }) => gruuSeries === opened?.series);
  };
  return { clock, kv, deps, store, register, holds };
}

const contact = (more = '', uri = 'sip:alice@192.0.2.9') =>
  `Contact: <${uri}>;+sip.instance="<${URN}>"${more}\n${SUPPORTED}`;

test('RFC 5627 §5.2: a phone with an instance that supports GRUUs is given two', async (t) => {
  const { register } = setup();
  const { status, given } = await register(contact());
  t.is(status, 200);
  t.is(given[0]?.pub, PUBLIC);
  t.regex(given[0]?.temp ?? '', /^sip:tgruu\.[\w-]+@example\.org;gr$/);
});

test('RFC 5627 §5.1: none without an instance, without Supported, or where they are not offered', async (t) => {
  const { register } = setup();
  const none = [{ pub: undefined, temp: undefined }];
  t.deepEqual((await register(`Contact: <sip:alice@192.0.2.9>\n${SUPPORTED}`)).given, none);
  const { register: other } = setup();
  t.deepEqual((await other(`Contact: <sip:alice@192.0.2.9>;+sip.instance="<${URN}>"`)).given, none);
  const { register: silent } = setup({ offers: false });
  t.deepEqual((await silent(contact())).given, none);
  t.is((await silent(`${contact()}\nRequire: gruu`)).status, 420);
  t.is((await register(`${contact()}\nRequire: gruu`)).status, 200);
  t.deepEqual(
    (await register(contact('', 'sip:alice@192.0.2.9').replaceAll('urn:', 'no urn '))).given.at(-1),
    {
      pub: undefined,
      temp: undefined,
    },
  );
});

test('RFC 5627 §5.1: what a phone proposes as its GRUU is ignored', async (t) => {
  const { register, store } = setup();
  const { given } = await register(
    contact(';pub-gruu="sip:mallory@example.org;gr=x";temp-gruu="sip:x@y;gr"'),
  );
  t.is(given[0]?.pub, PUBLIC);
  t.notRegex(store.bindings(AOR)[0]!.params, /gruu/);
});

test('RFC 5627 §3.2: each refresh gives another temporary GRUU, and those before it hold; the public one stays', async (t) => {
  const { register, holds } = setup();
  const first = (await register(contact())).given[0]!;
  const second = (await register(contact())).given[0]!;
  t.is(second.pub, first.pub);
  t.not(second.temp, first.temp);
  t.true(holds(first.temp) && holds(second.temp));
});

test('RFC 5627 §5.1: another Call-ID ends those before it', async (t) => {
  const { register, holds } = setup();
  const first = (await register(contact())).given[0]!;
  const second = (await register(contact(), { callId: 'c2' })).given[0]!;
  t.false(holds(first.temp));
  t.true(holds(second.temp));
});

test('RFC 5627 §5.3: they end with the last contact of the phone, also when it comes back with the same Call-ID', async (t) => {
  const { clock, register, holds } = setup();
  const first = (await register(contact(';expires=60'))).given[0]!;
  await clock.advance(61_000);
  t.false(holds(first.temp));
  const second = (await register(contact())).given[0]!;
  t.false(holds(first.temp));
  await register(contact(';expires=0'));
  t.false(holds(second.temp));
});

test('RFC 5627 §§3.2, 4.1: a phone with two flows has one series; it lasts as long as one of them', async (t) => {
  const { register, holds, store } = setup();
  const flow = (id: number, more = '') =>
    `Contact: <sip:alice@192.0.2.9:${5060 + id};ob>;+sip.instance="<${URN}>";reg-id=${id}${more}
     Supported: gruu, outbound, path`;
  const first = (await register(flow(1))).given[0]!;
  const second = (await register(flow(2), { callId: 'c2' })).given.at(-1)!;
  t.is(store.bindings(AOR).length, 2);
  await register(flow(1, ';expires=0'));
  t.true(holds(first.temp) && holds(second.temp));
  const third = (await register(flow(1))).given[0]!;
  t.true(holds(first.temp) && holds(third.temp));
  const renewed = (await register(flow(1), { callId: 'c3' })).given.at(-1)!;
  t.false(holds(first.temp) || holds(second.temp) || holds(third.temp));
  t.true(store.bindings(AOR).every(({ gruuSeries }) => gruuSeries === store.bindings(AOR)[0]!.gruuSeries));
  t.true(holds(renewed.temp));
});

test('RFC 5627 §A.2: they hold after a restart', async (t) => {
  const { register, holds, deps } = setup();
  const { temp } = (await register(contact())).given[0]!;
  const restarted = new BindingStore(deps);
  restarted.load();
  t.true(holds(temp, restarted));
});

test('RFC 5627 §5.1: a Contact that is the AoR, or a GRUU of it, is 403', async (t) => {
  const { register } = setup();
  const { temp } = (await register(contact())).given[0]!;
  for (const uri of [`sip:${AOR}`, PUBLIC, `sip:%61lice@EXAMPLE.org:5060`, temp!]) {
    t.is((await register(contact('', uri))).status, 403, uri);
  }
  t.is((await register(contact('', 'sip:bob@example.org;gr=urn:uuid:1'))).status, 200, 'of another user');
});

test('RFC 5630 §5.2.1: a phone with a sips Contact has sips GRUUs', (t) => {
  t.is(
    publicGruu({ aor: AOR, instance: `"<${URN}>"`, contact: 'sips:a@192.0.2.9' })?.toString(),
    `sips:${AOR};gr=${URN}`,
  );
});

test('RFC 3261 §25.1: an instance with unusual characters is escaped, and found again', (t) => {
  const instance = '"<urn:example:a;b,c?d=%22\\\\>"';
  const gruu = publicGruu({ aor: "al!ce'o@example.org", instance, contact: 'sip:a@192.0.2.9' })!;
  t.notRegex(gruu.toString().slice(4), /[",<>\\?]/);
  const urn = instanceOf(parseUri(gruu.toString()))!;
  t.true(isInstance(instance, urn));
  t.false(isInstance('"<urn:example:a>"', urn));
  t.false(isInstance(undefined, urn));
});

test('RFC 8141 §2.2.1: the case of a UUID does not count', (t) => {
  const urn = instanceOf(parseUri(`sip:${AOR};gr=${URN.toUpperCase()}`))!;
  t.true(isInstance(`"<${URN}>"`, urn));
});
