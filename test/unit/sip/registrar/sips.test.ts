import test from 'ava';
import { MemoryKeyValueStore, noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { BindingStore } from '../../../../src/sip/registrar/binding-store.ts';
import { Registrar } from '../../../../src/sip/registrar/registrar.ts';
import { FakeFlow, request } from './messages.ts';

const AOR = 'alice@example.org';
const SECURE = 'sips:alice@192.0.2.9:5061';

function setup() {
  const deps = { clock: new VirtualClock(), logger: silentLogger, metrics: noMetrics };
  const store = new BindingStore({ ...deps, store: new MemoryKeyValueStore() });
  const registrar = new Registrar({ ...deps, store });
  let cseq = 0;
  const register = async (uri: string, headers: string) => {
    cseq += 1;
    const message = request(`REGISTER ${uri} SIP/2.0
      Via: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bK${cseq}
      From: <sips:${AOR}>;tag=1
      To: <sips:${AOR}>
      Call-ID: c1
      CSeq: ${cseq} REGISTER
      ${headers}`);
    return (await registrar.process(message, new FakeFlow('TLS', '192.0.2.9:40000'), AOR)).status;
  };
  const bound = () => store.bindings(AOR).map(({ contact }) => contact);
  return { register, bound };
}

test('RFC 5630 §5.2: a SIPS Contact is bound only where the Request-URI and all of the Path are SIPS', async (t) => {
  const { register, bound } = setup();
  t.is(await register('sip:example.org', `Contact: <${SECURE}>`), 400);
  t.is(await register('sips:example.org', `Contact: <${SECURE}>\nPath: <sips:a;lr>, <sip:b;lr>`), 400);
  t.deepEqual(bound(), []);
  t.is(await register('sips:example.org', `Contact: <${SECURE}>\nPath: <sips:a;lr>, <sips:b;lr>`), 200);
  t.deepEqual(bound(), [SECURE]);
});

test('RFC 5630 §5.1.1.1: of the SIP and the SIPS version of a Contact the later one counts', async (t) => {
  const { register, bound } = setup();
  const plain = SECURE.replace('sips', 'sip');
  for (const contact of [SECURE, plain, SECURE]) {
    t.is(await register('sips:example.org', `Contact: <${contact}>`), 200);
    t.deepEqual(bound(), [contact]);
  }
});
