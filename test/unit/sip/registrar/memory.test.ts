import test from 'ava';
import { liveBytes } from '../../../../sim/live-bytes.ts';
import { noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { canonicalAor } from '../../../../src/sip/message/aor.ts';
import { BindingStore } from '../../../../src/sip/registrar/binding-store.ts';
import { Registrar } from '../../../../src/sip/registrar/registrar.ts';
import { FakeFlow, request } from './messages.ts';

const AORS = 5000;

test('a registered AoR costs the registrar at most 1 kB, however large its REGISTER was', async (t) => {
  const clock = new VirtualClock();
  const deps = { clock, logger: silentLogger, metrics: noMetrics };
  const store = new BindingStore({ ...deps, store: undefined });
  const registrar = new Registrar({ ...deps, store });
  const before = await liveBytes();
  for (let index = 0; index < AORS; index += 1) {
    const user = `firstname.surname.${String(index).padStart(6, '0')}`;
    // A large head: what kept a slice of it, name or Contact, would keep all of it.
    const message = request(`REGISTER sip:example.org SIP/2.0
      Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK${index}
      From: <sip:${user}@example.org>;tag=1
      To: <sip:${user}@example.org>
      Call-ID: ${index}-a84b4c76e66710@192.0.2.9
      CSeq: 1 REGISTER
      Contact: <sip:${user}@192.0.2.9:5060;transport=udp>;+sip.instance="<urn:uuid:${index}-aaaa-bbbb-cccc>"
      X-Padding: ${'x'.repeat(4000)}`);
    const result = await registrar.process(
      message,
      new FakeFlow('UDP', `192.0.2.9:${index + 1}`),
      canonicalAor(message.to.uri, 'example.org', () => false),
    );
    t.is(result.status, 200);
  }
  const perAor = ((await liveBytes()) - before) / AORS;
  t.log(`${Math.round(perAor)} bytes an AoR`);
  t.true(perAor < 1000, `${perAor} bytes`);
  t.is(store.size, AORS);
});
