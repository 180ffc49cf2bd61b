import test from 'ava';
import { CodedError, silentLogger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import type { GatewayConfig } from '../../../../src/gateway/config/gateway-config.ts';
import { findRingFault } from '../../../../src/gateway/testnet/ring-check.ts';
import { startTestnet } from '../../../../src/gateway/testnet/testnet.ts';
import { TestCli } from '../cli/run-cli.ts';
import { FakeGateway } from '../fake-gateway.ts';

/** Peers 01, 02, ... whose successors are set right once `wholeAt` of them stand. */
class FakeRing {
  readonly peers: FakeGateway[] = [];
  readonly #wholeAt: number;

  constructor(wholeAt: number) {
    this.#wholeAt = wholeAt;
  }

  compose = async (config: GatewayConfig): Promise<FakeGateway> => {
    const gateway = new FakeGateway(config, String(this.peers.length + 1).padStart(32, '0'));
    this.peers.push(gateway);
    if (this.peers.length === this.#wholeAt) this.close();
    return gateway;
  };

  close(): void {
    for (const [i, peer] of this.peers.entries()) {
      peer.admin.successors = [this.peers[(i + 1) % this.peers.length]!.nodeId];
    }
  }
}

test('A18: the first peer starts the ring, the others join through it; the first M have SIP', async (t) => {
  const ring = new FakeRing(4);
  const joined: number[] = [];
  const deps = { compose: ring.compose, clock: new VirtualClock(), logger: silentLogger };
  const net = await startTestnet(deps, { peers: 4, gateways: 2, users: 3, sipPort: 5060 }, (n) =>
    joined.push(n),
  );
  t.deepEqual(joined, [1, 2, 3, 4]);
  const configs = ring.peers.map(({ config }) => config);
  t.deepEqual(
    configs.map(({ overlay }) => [overlay.first, overlay.bootstrap]),
    [[true, []], ...Array(3).fill([false, [{ host: '127.0.0.1', port: 6084 }]])],
  );
  t.deepEqual(
    configs.map(({ sip }) => [sip.mode, sip.listen[0]?.address.port]),
    [
      ['proxy', 5060],
      ['proxy', 5061],
      ['off', undefined],
      ['off', undefined],
    ],
  );
  t.deepEqual(
    configs[1]?.users.map(({ aor, password }) => [aor, password]),
    ['alice', 'bob', 'u000000', 'u000001', 'u000002'].map((user) => [`${user}@example.org`, 'secret']),
  );
  await net.stop();
  t.deepEqual(
    ring.peers.map(({ stopped }) => stopped),
    [1, 1, 1, 1],
  );
});

test('it stands only when the ring is whole', async (t) => {
  const ring = new FakeRing(0);
  const clock = new VirtualClock();
  const starting = startTestnet({ compose: ring.compose, clock, logger: silentLogger }, { peers: 3 });
  await clock.advance(1000);
  t.is(ring.peers.length, 3);
  ring.close();
  t.is((await clock.runUntil(starting, 1000)).peers.length, 3);
});

test('a ring that does not become whole is told, all peers stopped', async (t) => {
  const ring = new FakeRing(0);
  const clock = new VirtualClock();
  const starting = startTestnet({ compose: ring.compose, clock, logger: silentLogger }, { peers: 2 });
  const error = await t.throwsAsync(clock.runUntil(starting, 120_000), { instanceOf: CodedError });
  t.is(error?.code, 'ring-broken');
  t.is(
    ring.peers.reduce((sum, { stopped }) => sum + stopped, 0),
    2,
  );
});

test('a peer that does not stand takes the others down with it', async (t) => {
  const ring = new FakeRing(0);
  const compose = (config: GatewayConfig) =>
    ring.peers.length === 2 ? Promise.reject(new Error('no room')) : ring.compose(config);
  const deps = { compose, clock: new VirtualClock(), logger: silentLogger };
  await t.throwsAsync(startTestnet(deps, { peers: 3 }), { message: 'no room' });
  t.deepEqual(
    ring.peers.map(({ stopped }) => stopped),
    [1, 1],
  );
});

test('ring check: order does not matter, the highest wraps, a lone peer is whole', (t) => {
  const view = (node: string, ...successors: string[]) => ({
    node,
    state: 'joined',
    predecessors: [],
    successors,
    fingers: [],
    links: [],
  });
  t.is(findRingFault([view('b', 'c'), view('c', 'a'), view('a', 'b')]), undefined);
  t.is(findRingFault([view('a')]), undefined);
  t.is(
    findRingFault([view('a', 'c'), view('b', 'c'), view('c', 'a')]),
    'the successor of a is b, but it has c',
  );
});

test('p2psip testnet --json prints one line that scripts can read', async (t) => {
  const ring = new FakeRing(2);
  const cli = new TestCli(ring.compose);
  const ended = cli.run('testnet', '-n', '2', '--gateways', '1', '--json');
  await cli.stdout.written;
  cli.stop();
  t.is(await ended, 0);
  t.is(cli.stdout.text.split('\n').length, 2);
  t.like(JSON.parse(cli.stdout.text), {
    overlay: 'example.org',
    peers: {
      length: 2,
      0: {
        node: ring.peers[0]!.nodeId,
        overlay: 'tls://127.0.0.1:6084',
        admin: 'http://127.0.0.1:8060',
        successor: ring.peers[1]!.nodeId,
      },
    },
  });
  t.deepEqual(
    ring.peers.map(({ stopped }) => stopped),
    [1, 1],
  );
});

test('p2psip testnet: the table for people', async (t) => {
  const ring = new FakeRing(2);
  const cli = new TestCli(ring.compose);
  const ended = cli.run('testnet', '-n', '2', '--gateways', '1');
  await cli.stdout.written;
  cli.stop();
  t.is(await ended, 0);
  const [head, first, second, summary] = cli.stdout.text.split('\n');
  t.regex(head!, /^NODE +OVERLAY +SIP +ADMIN +SUCCESSOR$/);
  t.regex(first!, /^0{31}1 {2}tls:\/\/127\.0\.0\.1:6084 {2}sip:127\.0\.0\.1:5060;transport=udp,/);
  t.regex(second!, /^0{31}2 /);
  t.regex(summary!, /^2 peers of example\.org stand after [\d.]+ s; Ctrl-C stops them$/);
  t.is(cli.stderr.text, '1 of 2 peers joined\n2 of 2 peers joined\n');
});
