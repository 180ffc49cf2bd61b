import test from 'ava';
import { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import { Gruus } from '../../../src/p2psip/gruus.ts';
import { destination, toNode } from '../../../src/reload/messages/destination.ts';
import { encodeWhole } from '../../../src/reload/wire/codec.ts';
import { parseUri } from '../../../src/sip/message/uri.ts';
import { OwnAddresses } from '../../../src/sip/proxy/own-addresses.ts';
import type { Binding } from '../../../src/sip/registrar/binding.ts';
import { TemporaryGruus } from '../../../src/sip/registrar/temporary-gruus.ts';
import { NODE_1, NODE_3, NODE_4 } from './fake-overlay.ts';

const URN = 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
const AOR = 'alice@example.org';

const network = new SimulatedNetwork({ clock: new VirtualClock() }).host('192.0.2.1');
const own = new OwnAddresses({ network }, { domains: ['example.org'] });
const random = new SeededRandom(1);
const temporary = new TemporaryGruus({ random }, { key: new Uint8Array(16), nodeHex: NODE_1 });
const elsewhere = new TemporaryGruus({ random }, { key: new Uint8Array(16), nodeHex: NODE_3 });

function binding(contact: string, more: Partial<Binding> = {}): Binding {
  return {
    ...{ aor: AOR, contact, params: '', q: 1, instance: `"<${URN}>"`, regId: undefined, gruuSeries: 5 },
    ...{ expiresAt: 1, updatedAt: 0, callId: 'c', cseq: 1, path: [], byFlow: false, flow: undefined },
    ...{
      transport: 'UDP',
      source: { host: '192.0.2.9', port: 5060 },
      local: { host: '192.0.2.1', port: 5060 },
    },
    ...more,
  };
}

function setup(bindings: readonly Binding[] = []) {
  const routes: (readonly string[])[] = [];
  const source = { bindings: (aor: string) => (aor === AOR ? bindings : []) };
  const connections = { learnRoute: (route: readonly string[]) => routes.push(route) };
  const gruus = new Gruus({ bindings: source, own, temporary, connections }, { nodeHex: NODE_1 });
  /** What a URI stands for, in short. */
  const place = (uri: string) => {
    const found = gruus.place(parseUri(uri));
    if (found?.kind === 'elsewhere') return `elsewhere ${found.aor}`;
    if (found?.kind !== 'targets') return found?.kind;
    return found.targets.map((target) => {
      if (target.kind === 'peer') return `${target.peer} ${target.uri}`;
      if (target.kind === 'uri') return target.uri;
      return [target.binding, ...(target.alternatives ?? [])].map(({ contact }) => contact).join(' else ');
    });
  };
  return { place, routes };
}

test('RFC 5627 §6.1: what has no gr, or is of another domain, is no GRUU of ours', (t) => {
  const { place } = setup();
  t.is(place(`sip:${AOR}`), undefined);
  t.is(place(`sip:alice@elsewhere.net;gr=${URN}`), undefined);
});

test('S5, RFC 5627 §6.1: a public GRUU is the one phone with that instance, whatever the scheme and case', (t) => {
  const { place } = setup([binding('sip:alice@a'), binding('sip:alice@b', { instance: '"<urn:uuid:2>"' })]);
  t.deepEqual(place(`sip:${AOR};gr=${URN}`), ['sip:alice@a']);
  t.deepEqual(place(`sips:${AOR};gr=${URN.toUpperCase()}`), ['sip:alice@a']);
  t.is(place(`sip:${AOR};gr=urn:uuid:3`), `elsewhere ${AOR}`);
  t.is(place(`sip:bob@example.org;gr=${URN}`), 'elsewhere bob@example.org');
});

test('RFC 5627 §6.1, RFC 5626 §7: of several flows of a phone the newest is tried first', (t) => {
  const { place } = setup([
    binding('sip:alice@old', { regId: 1, updatedAt: 1 }),
    binding('sip:alice@new', { regId: 2, updatedAt: 2 }),
  ]);
  t.deepEqual(place(`sip:${AOR};gr=${URN}`), ['sip:alice@new else sip:alice@old']);
});

test('RFC 5627 §§5.3, 6.1: a temporary GRUU holds as long as its series', (t) => {
  const { place } = setup([binding('sip:alice@a')]);
  const uriOf = (series: number) => `sip:${temporary.make({ aor: AOR, series })}@example.org;gr`;
  t.deepEqual(place(uriOf(5)), ['sip:alice@a']);
  t.is(place(uriOf(4)), 'unknown');
  t.is(place('sip:tgruu.AAAA@example.org;gr'), 'unknown');
});

test('a temporary GRUU of another peer leads there by its Node-ID, as it is', (t) => {
  const uri = `sip:${elsewhere.make({ aor: AOR, series: 5 })}@example.org;gr`;
  t.deepEqual(setup().place(uri), [`${NODE_3} ${uri}`]);
});

test('S8, RFC 7904 §6: a gr with a destination list leads to its last peer, along the list', (t) => {
  const { place, routes } = setup([binding('sip:alice@a')]);
  const gr = (...nodes: string[]) =>
    Buffer.concat(nodes.map((node) => encodeWhole(destination, toNode(node))))
      .toString('base64')
      .replaceAll('=', '~');
  const uri = `sip:${AOR};gr=${gr(NODE_4, NODE_3)}`;
  t.deepEqual(place(uri), [`${NODE_3} ${uri}`]);
  t.deepEqual(routes, [[NODE_4, NODE_3]]);
  t.deepEqual(place(`sip:${AOR};gr=${gr(NODE_3, NODE_1)}`), ['sip:alice@a']);
  t.deepEqual(place(`sip:bob@example.org;gr=${gr(NODE_1)}`), []);
});

test('S8: what is no destination list, or too long a one, is no GRUU', (t) => {
  const { place } = setup();
  // The one in RFC 7904 §6 is no list of Destinations.
  const values = ['MDEyMzQ1Njc4OTAxMjM0NTY3ODk~', '', 'AA', '%00', 'x'.repeat(2000)];
  for (const value of values) t.is(place(`sip:${AOR};gr=${value}`), 'unknown', value.slice(0, 40));
  const endless = Buffer.concat(Array.from({ length: 9 }, () => encodeWhole(destination, toNode(NODE_3))));
  t.is(place(`sip:${AOR};gr=${endless.toString('base64').replaceAll('=', '~')}`), 'unknown');
});
