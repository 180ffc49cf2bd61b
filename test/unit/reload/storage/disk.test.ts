import test from 'ava';
import { MemoryKeyValueStore, type Write } from '../../../../src/base/index.ts';
import { nodeResource, userResource } from '../../../../src/reload/storage/access-policy.ts';
import {
  entry,
  from,
  kinds,
  PRIVATE_DICTIONARY,
  PRIVATE_SINGLE,
  registration,
  signed,
  single,
  storeReq,
  testStore,
} from './support.ts';

/** A disk that is full whenever the test says so, and takes its time when the test wants to hold a batch back. */
class Disk extends MemoryKeyValueStore {
  full = false;

  override async write(batch: readonly Write[]): Promise<void> {
    if (this.full) throw new Error('disk full');
    await super.write(batch);
  }
}

const wholeDictionary = (resource: string) => ({
  resource,
  specifiers: [{ kind: PRIVATE_DICTIONARY, generation: 0, model: 'DICTIONARY' as const, keys: [] }],
});

function onDisk() {
  const disk = new Disk();
  const target = testStore({}, disk);
  const { store, resource, alice } = target;
  const put = (key: string, text: string, storageTime: number, exists = true) => {
    const place = { resource, kind: PRIVATE_DICTIONARY };
    const data = signed(alice, place, entry(key, text, exists), { storageTime });
    return store.store(storeReq(resource, PRIVATE_DICTIONARY, [data]), from(alice)).committed;
  };
  const state = () => {
    const { generation, values } = store.fetch(wholeDictionary(resource)).answer.kindResponses[0]!;
    return [generation, values.map(({ value }) => Buffer.from(value.value).toString())];
  };
  return { ...target, disk, put, state };
}

test('B21: a Store that the disk does not take is refused and rolled back: values, generation, room', async (t) => {
  const { disk, put, state, store, resource } = onDisk();
  await put('01', 'a', 1000);
  const before = { state: state(), bytes: store.bytes, values: store.valueCount };
  const changes: string[] = [];
  store.changed.on((changed) => changes.push(changed));
  disk.full = true;
  await t.throwsAsync(put('01', 'b', 2000), { code: 'data-too-large', message: /disk/ });
  await t.throwsAsync(put('02', 'c', 2000), { code: 'data-too-large' });
  t.deepEqual({ state: state(), bytes: store.bytes, values: store.valueCount }, before);
  t.true(changes.every((changed) => changed === resource));
  disk.full = false;
  await put('01', 'b', 2000);
  t.deepEqual(state(), [2, ['b']], 'the same storage_time is good: the first attempt never was');
});

test('B21: a Store of several Kinds that the disk does not take leaves none of them', async (t) => {
  const { disk, store, resource, alice } = onDisk();
  const value = (kind: number, data: Parameters<typeof signed>[2]) => ({
    kind,
    generation: 0,
    values: [signed(alice, { resource, kind }, data)],
  });
  const kindData = [value(PRIVATE_SINGLE, single('v')), value(PRIVATE_DICTIONARY, entry('01', 'w'))];
  const request = { resource, replicaNumber: 0, kindData };
  disk.full = true;
  await t.throwsAsync(store.store(request, from(alice)).committed, { code: 'data-too-large' });
  t.is(store.resourceCount, 0);
  t.is(store.bytes, 0);
  disk.full = false;
  await store.store(request, from(alice)).committed;
  t.is(store.valueCount, 2);
});

test('B21: what a later Store built on a refused one stays, the refused value goes', async (t) => {
  let release = (_outcome: Error | undefined) => {};
  class SlowDisk extends MemoryKeyValueStore {
    #pending: readonly Write[] | undefined;
    hold = false;

    override get(key: string): Uint8Array | undefined {
      const pending = this.#pending?.find((write) => write.key === key);
      return pending === undefined ? super.get(key) : pending.value;
    }

    override async write(batch: readonly Write[]): Promise<void> {
      if (!this.hold) {
        // Overtakes the batch held back.
        this.#pending = this.#pending?.filter(({ key }) => !batch.some((write) => write.key === key));
        return super.write(batch);
      }
      this.hold = false;
      this.#pending = batch;
      const outcome = await new Promise<Error | undefined>((resolve) => {
        release = resolve;
      });
      this.#pending = undefined;
      if (outcome !== undefined) throw outcome;
    }
  }
  const disk = new SlowDisk();
  const target = testStore({}, disk);
  const { store, resource, alice } = target;
  const put = (key: string, text: string) => {
    const data = signed(alice, { resource, kind: PRIVATE_DICTIONARY }, entry(key, text));
    return store.store(storeReq(resource, PRIVATE_DICTIONARY, [data]), from(alice)).committed;
  };
  disk.hold = true;
  const refused = put('01', 'refused');
  await put('02', 'taken');
  release(new Error('disk full'));
  await t.throwsAsync(refused, { code: 'data-too-large' });
  const texts = (from: typeof store) =>
    from
      .fetch(wholeDictionary(resource))
      .answer.kindResponses[0]!.values.map(({ value }) => Buffer.from(value.value).toString());
  t.deepEqual(texts(store), ['taken']);

  const again = target.open();
  await again.load();
  t.deepEqual(texts(again), ['taken']);
  t.is(again.fetch(wholeDictionary(resource)).certificates.length, 1, 'with the certificate of the signer');
});

test('B18: certificates are kept with the values they sign: one copy, until the last of them is gone', async (t) => {
  const { store, peer, kv, open } = testStore();
  const certificates = () => [...kv.entries('certificate/')].length;
  const kind = 0x3;
  const own = (resource: string, index: number, text: string, storageTime: number, exists = true) =>
    signed(
      peer,
      { resource, kind },
      { model: 'ARRAY', index, exists, value: Buffer.from(text) },
      { storageTime },
    );
  const place = nodeResource(peer.nodeId);
  for (const index of [0, 1, 2])
    store.store(storeReq(place, kind, [own(place, index, 'c', 1000)]), from(peer));
  t.is(certificates(), 1);
  const again = open();
  await again.load();
  t.is(certificates(), 1);
  await again.drop(place);
  t.is(certificates(), 0);
});

test('T7: a retransmission that arrives after a restart is answered like the first one', async (t) => {
  const target = testStore();
  const request = registration(target);
  await target.store.store(request, from(target.alice, 77n)).committed;
  const again = target.open();
  await again.load();
  t.false(again.store(request, from(target.alice, 77n)).changed);
  t.throws(() => again.store(request, from(target.alice, 78n)), { code: 'data-too-old' });
});

test('a Kind that the configuration document drops is kept on the disk, and is there when it comes back', async (t) => {
  const known = new Map(kinds);
  const target = testStore({ kinds: () => known });
  const { store, resource, alice, clock } = target;
  const request = storeReq(resource, PRIVATE_SINGLE, [
    signed(alice, { resource, kind: PRIVATE_SINGLE }, single('v')),
  ]);
  const wanted = {
    resource,
    specifiers: [{ kind: PRIVATE_SINGLE, generation: 0, model: 'SINGLE' as const }],
  };
  store.store(request, from(alice));
  known.delete(PRIVATE_SINGLE);
  t.throws(() => store.fetch(wanted), { code: 'unknown-kind' });
  t.deepEqual([...store.replicaStores(resource, 1)], []);
  known.set(PRIVATE_SINGLE, kinds.get(PRIVATE_SINGLE)!);
  t.true(store.fetch(wanted).answer.kindResponses[0]!.values[0]!.value.exists);
  known.delete(PRIVATE_SINGLE);
  await clock.advance(3_600_000);
  t.is(store.valueCount, 0, 'it ends with its lifetime all the same');
});

test('B21: over the quota of a Kind a Store is refused, and nothing held is lost', (t) => {
  const { store, peer } = testStore({ maxBytesPerKind: 20_000 });
  const stored: string[] = [];
  let refusal: unknown;
  for (let i = 0; refusal === undefined; i++) {
    const user = peer.registration(`u${i}@x`);
    const resource = userResource(user.userName);
    const data = signed(user, { resource, kind: PRIVATE_SINGLE }, single('v'));
    try {
      store.store(storeReq(resource, PRIVATE_SINGLE, [data]), from(user));
      stored.push(resource);
    } catch (error) {
      refusal = error;
    }
  }
  t.like(refusal, { code: 'data-too-large' });
  t.true(stored.length > 5);
  t.deepEqual([...store.resources('0', '0')].sort(), stored.sort());
});
