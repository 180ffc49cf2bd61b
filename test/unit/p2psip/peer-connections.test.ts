import test from 'ava';
import { type Connection, Event, noMetrics, silentLogger } from '../../../src/base/index.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import { LocationService } from '../../../src/p2psip/location-service.ts';
import { PeerConnections } from '../../../src/p2psip/peer-connections.ts';
import { FakeOverlay, NODE_3 } from './fake-overlay.ts';

class FakeFlow {
  open = true;
  readonly closed = new Event<undefined>();

  close(): void {
    this.open = false;
    this.closed.emit(undefined);
  }
}

function setup() {
  const clock = new VirtualClock();
  const overlay = new FakeOverlay();
  const common = { overlay, clock, logger: silentLogger, metrics: noMetrics };
  const locations = new LocationService({ ...common, isOverlayDomain: () => true });
  const connections = new PeerConnections<FakeFlow>({
    ...{ ...common, locations, onFlow() {} },
    adopt: () => new FakeFlow(),
  });
  return { clock, overlay, connections };
}

test('A30: one SIP connection per peer, shared by concurrent callers, opened anew once it has closed', async (t) => {
  const { overlay, connections } = setup();
  let opened = 0;
  overlay.openSip = async () => {
    opened += 1;
    return {} as Connection;
  };
  const [first, second] = await Promise.all([connections.connect(NODE_3), connections.connect(NODE_3)]);
  t.is(first, second);
  t.is(await connections.connect(NODE_3), first);
  t.is(opened, 1);
  first.close();
  t.is(first.closed.listenerCount, 1);
  t.is(connections.cached(NODE_3), undefined);
  t.not(await connections.connect(NODE_3), first);
  t.is(opened, 2);
});

test('an AppAttach is given up after 4 s, and a connection the peer opened meanwhile serves instead', async (t) => {
  const { clock, overlay, connections } = setup();
  overlay.openSip = (_list, { signal } = {}) =>
    new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  const failed = t.throwsAsync(connections.connect(NODE_3), { code: 'peer-unreachable' });
  await clock.advance(4001);
  await failed;
  const served = connections.connect(NODE_3);
  overlay.sipHandler?.({} as Connection, NODE_3);
  await clock.advance(4001);
  t.true((await served).open);
});
