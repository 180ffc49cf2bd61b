import test from 'ava';
import { MemoryKeyValueStore, noMetrics, silentLogger } from '../../../src/base/index.ts';
import { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import {
  RegistrationHandler,
  type RegistrationHandlerOptions,
} from '../../../src/p2psip/registration-handler.ts';
import { RegistrationPublisher } from '../../../src/p2psip/registration-publisher.ts';
import { OwnAddresses } from '../../../src/sip/proxy/own-addresses.ts';
import { BindingStore } from '../../../src/sip/registrar/binding-store.ts';
import { Registrar } from '../../../src/sip/registrar/registrar.ts';
import { FakeContext, type FakeRequest } from './fake-context.ts';
import { FakeOverlay, NODE_3 } from './fake-overlay.ts';

const ALICE = 'sip:alice@example.org';

function setup(options: Partial<RegistrationHandlerOptions> = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const store = new MemoryKeyValueStore();
  const common = { clock, random, store, logger: silentLogger, metrics: noMetrics };
  const network = new SimulatedNetwork({ clock, random }, { seed: 1 }).host('10.0.0.1');
  const own = new OwnAddresses({ network }, { domains: ['example.org'] });
  const bindings = new BindingStore(common);
  const overlay = new FakeOverlay();
  const handler = new RegistrationHandler(
    {
      ...{ ...common, bindings, own, overlay, authenticator: undefined },
      registrar: new Registrar({ ...common, store: bindings }),
      publisher: new RegistrationPublisher({ ...common, overlay }),
    },
    options,
  );
  const register = async (request: FakeRequest = {}) => {
    const context = new FakeContext(own, {
      ...{ method: 'REGISTER', uri: 'sip:example.org', from: ALICE, to: ALICE },
      headers: ['Contact: <sip:alice@127.0.0.1:5070>'],
      ...request,
    });
    await clock.runUntil(handler.handle(context), 10_000);
    return context;
  };
  return { bindings, overlay, register };
}

test('RFC 3261 §10.2: a registration in the name of somebody else is refused in so many words', async (t) => {
  const { bindings, register } = setup();
  for (const from of ['sip:boss@example.org', 'sip:alice@elsewhere.net', 'sip:example.org']) {
    const { status, reason } = await register({ from });
    t.is(status, 403);
    t.is(reason, 'Third-Party Registration Not Allowed');
  }
  t.is(bindings.size, 0);
  t.is((await register({ from: 'sip:%61lice@EXAMPLE.org' })).status, 200, 'the same user, written otherwise');
});

test('S4: a user whom the overlay does not admit is told so', async (t) => {
  const { bindings, overlay, register } = setup();
  overlay.admits = (aor) => aor !== 'alice@example.org';
  const { status, reason } = await register();
  t.is(status, 403);
  t.is(reason, 'Domain Not Admitted By The Overlay');
  t.is(bindings.size, 0);
});

test('RFC 3261 §10.3: not for users of other domains, and not for another peer', async (t) => {
  const { register } = setup();
  t.is((await register({ to: 'sip:alice@elsewhere.net' })).status, 404);
  t.is((await register({ uri: 'sip:elsewhere.net' })).status, 404);
  t.is((await register({ overlayPeer: NODE_3 })).status, 403);
});

test('RFC 3608 §5: where it is wished, phones are told to call through the peer they registered at', async (t) => {
  const named = ({ headers }: FakeContext) => headers.filter(([name]) => name === 'Service-Route');
  const { register } = setup({ serviceRoute: true });
  t.deepEqual(named(await register()), [['Service-Route', '<sip:127.0.0.1:5070;transport=udp;lr>']]);
  t.deepEqual(named(await register({ to: 'sip:bob@example.org' })), [], 'only with a 200');
  t.deepEqual(named(await setup().register()), []);
});
