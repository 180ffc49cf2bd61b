import test from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { CertificatePublisher } from '../../../../src/reload/node/certificate-publisher.ts';
import { createSelfSignedIdentity } from '../../../../src/reload/security/identity.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

for (const stage of ['fetch', 'store'] as const) {
  test(`a node that stops during its certificate's ${stage} leaves no timer, and stores nothing more`, async (t) => {
    const clock = new VirtualClock();
    const random = new SeededRandom(3);
    const asked: string[] = [];
    let goOn = () => {};
    const reach = (what: string) => {
      asked.push(what);
      if (what !== stage || asked.filter((one) => one === stage).length < 2) return;
      return new Promise<void>((resolve) => {
        goOn = resolve;
      });
    };
    const storage = {
      fetch: async (
        _resource: string,
        _kinds: unknown,
        { signal }: { signal?: AbortSignal | undefined } = {},
      ) => {
        await reach('fetch');
        signal?.throwIfAborted();
        return [];
      },
      // One that was under way when the node stopped goes well.
      store: async () => {
        await reach('store');
        return { kindResponses: [] };
      },
    };
    const identity = createSelfSignedIdentity({ clock, random }, { overlay: 'example.org' });
    const publisher = new CertificatePublisher(
      { clock, random, logger: silentLogger, storage },
      { identity },
    );
    publisher.start();
    await clock.advance(3_000);
    const before = asked.length;
    publisher.stop();
    goOn();
    await clock.advance(1_000);
    t.is(asked.length, before);
    t.is(clock.pendingTimers, 0);
  });
}

test('a request to ourselves is given up by its signal like one to others', async (t) => {
  const overlay = new SimulatedOverlay(84);
  await overlay.grow(1);
  const { node, identity } = overlay.peers[0]!;
  const resource = overlay.resourceOf('alice');
  const kind = overlay.document.kinds.keys().next().value ?? 0;
  const gone = AbortSignal.abort(new Error('given up'));
  const value = { key: node.nodeId, exists: true, value: Buffer.from('here'), lifetimeS: 60, storageTime: 1 };
  const signer = identity.registration(`alice@${overlay.document.name}`);
  await t.throwsAsync(node.store(resource, [{ kind, values: [value] }], { signer, signal: gone }), {
    message: 'given up',
  });
  await t.throwsAsync(node.fetch(resource, [{ kind }], { signal: gone }), { message: 'given up' });
  await overlay.stopAll();
});
