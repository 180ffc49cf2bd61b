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
      await new Promise<void>((resolve) => clock.setTimer(150, resolve));
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
  await overlay.clock.advance(10_000);
  t.deepEqual(overlay.sequences(), Array(5).fill(to));
  for (const { node } of overlay.peers) t.is(node.document.initialTtl, 50);

  await traffic.stop();
  t.deepEqual(traffic.failures, []);
  t.true(traffic.done > 100, `${traffic.done} rounds`);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
}

test('B6 B14: a document rolls through 5 peers from one to the next while Stores and Fetches go on, none fails', (t) =>
  rolledOver(t, 7, 71));

test('B6: the same over the wrap from 65534 to 0', (t) => rolledOver(t, 65_534, 72));
