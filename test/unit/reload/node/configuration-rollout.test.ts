import test, { type ExecutionContext } from 'ava';
import { nextSequence } from '../../../../src/reload/forwarding/configuration-sequence.ts';
import { DocumentedOverlay } from './documented-overlay.ts';
import type { SimulatedPeer } from './simulated-overlay.ts';

/** Stores and fetches through every peer, one after the other, until told to stop. Every failure is noted. */
class Traffic {
  readonly failures: string[] = [];
  done = 0;
  readonly #overlay: DocumentedOverlay;
  readonly #loops: Promise<void>[];
  #stopped = false;

  constructor(overlay: DocumentedOverlay) {
    this.#overlay = overlay;
    this.#loops = overlay.peers.map((peer, i) => this.#loop(peer, i));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#overlay.clock.runUntil(Promise.all(this.#loops));
  }

  async #loop(peer: SimulatedPeer, index: number): Promise<void> {
    const { clock } = this.#overlay;
    for (let round = 0; !this.#stopped; round++) {
      const user = `user${index}-${round % 7}`;
      try {
        await this.#overlay.storeOf(peer, user, `${round}`);
        const found = await this.#overlay.textsOf(peer, user);
        if (found.join() !== `${round}`) this.failures.push(`${user}: ${found.join()} for ${round}`);
        this.done++;
      } catch (error) {
        this.failures.push(`${user}: ${error}`);
      }
      await new Promise<void>((resolve) => clock.setTimer(200, resolve));
    }
  }
}

async function rolledOver(t: ExecutionContext, from: number, seed: number): Promise<void> {
  const overlay = new DocumentedOverlay(seed);
  const before = overlay.bytes(from);
  await overlay.growWith(5, overlay.read(before));
  t.deepEqual(overlay.faults(), []);
  const traffic = new Traffic(overlay);
  await overlay.clock.advance(2_000);

  const to = nextSequence(from);
  await overlay.sendDocument(overlay.bytes(to, { initialTtl: 50 }), overlay.peers[2]!);
  t.is(overlay.peers[2]!.node.document.sequence, to);
  await overlay.clock.advance(6_000);
  t.deepEqual(overlay.sequences(), Array(5).fill(to));
  for (const { node } of overlay.peers) t.is(node.document.initialTtl, 50);

  await traffic.stop();
  t.deepEqual(traffic.failures, []);
  t.true(traffic.done > 80, `${traffic.done} rounds`);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
}

test('B6 B14: a document rolls through 5 peers from one to the next while Stores and Fetches go on, none fails', (t) =>
  rolledOver(t, 7, 71));

test('B6 B14: the same over the wrap from 65534 to 0', (t) => rolledOver(t, 65_534, 72));

test('B6: two documents, the second on the heels of the first from another peer, and no request fails', async (t) => {
  const overlay = new DocumentedOverlay(73);
  await overlay.growWith(6, overlay.read(overlay.bytes(1)));
  const traffic = new Traffic(overlay);
  await overlay.clock.advance(1_000);
  await overlay.sendDocument(overlay.bytes(2), overlay.peers[0]!);
  // The first is on its way to some and with others already.
  await overlay.sendDocument(overlay.bytes(3), overlay.peers[4]!);
  await overlay.clock.advance(8_000);
  t.deepEqual(overlay.sequences(), Array(6).fill(3));
  await traffic.stop();
  t.deepEqual(traffic.failures, []);
  t.true(traffic.done > 60, `${traffic.done} rounds`);
  await overlay.stopAll();
});

test('B6: peers that join, leave and die during the roll-out end with the new document', async (t) => {
  const overlay = new DocumentedOverlay(74);
  const old = overlay.read(overlay.bytes(1));
  await overlay.growWith(6, old);
  for (let i = 0; i < 10; i++) await overlay.register(overlay.peers[i % 6]!, `kept${i}`, `${i}`);
  await overlay.clock.advance(2_000);
  await overlay.sendDocument(overlay.bytes(2), overlay.peers[3]!);
  overlay.kill(overlay.peers[1]!);
  await overlay.start(overlay.makeWith(old));
  await overlay.stop(overlay.peers[0]!);
  await overlay.clock.advance(40_000);
  t.deepEqual(overlay.sequences(), Array(5).fill(2));
  t.deepEqual(overlay.faults(), []);
  for (let i = 0; i < 10; i++) t.deepEqual(await overlay.lookup(overlay.peers[i % 5]!, `kept${i}`), [`${i}`]);
  await overlay.stopAll();
});
