import test from 'ava';
import fc from 'fast-check';
import { noMetrics } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { type Bencoded, decodeBencode, encodeBencode } from '../../../../src/sip/media/bencode.ts';
import { NgClient } from '../../../../src/sip/media/ng-client.ts';

test('bencode: texts, numbers, lists and dictionaries, keys in order', (t) => {
  const value = { sdp: 'v=0\r\n', 'call-id': 'x', list: ['a', 7, []], port: -1 };
  const text = 'd7:call-id1:x4:listl1:ai7elee4:porti-1e3:sdp5:v=0\r\ne';
  t.is(encodeBencode(value), text);
  t.deepEqual({ ...(decodeBencode(text) as object) }, value);
});

test('bencode: what was encoded comes back; every part of it alone is refused', (t) => {
  const { value } = fc.letrec<{ value: Bencoded }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ min: -1e9, max: 1e9 }),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(value, (each) => {
      const text = encodeBencode(each);
      t.deepEqual(decodeBencode(text), each);
      for (let end = 0; end < text.length; end += 1) {
        t.throws(() => decodeBencode(text.slice(0, end)), { code: 'bad-bencode' });
      }
    }),
    { numRuns: 50 },
  );
});

test('bencode: nothing of the other side can nest without end, or reach the prototype', (t) => {
  t.throws(() => decodeBencode('l'.repeat(10_000)), { code: 'bad-bencode' });
  t.throws(() => decodeBencode('i1ei2e'), { code: 'bad-bencode' });
  t.throws(() => decodeBencode('99999999999999999999:x'), { code: 'bad-bencode' });
  const answer = decodeBencode('d9:__proto__d1:ai1eee') as Record<string, unknown>;
  t.is(({} as Record<string, unknown>).a, undefined);
  t.deepEqual(Object.keys(answer), ['__proto__']);
});

/** A relay on a simulated network that answers as told. */
async function scene(answerTo: (text: string, heard: number) => string | undefined) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const net = new SimulatedNetwork({ clock, random });
  const server = { host: '10.0.0.2', port: 2223 };
  const heard: string[] = [];
  const socket = await net.host('10.0.0.2').bindDatagram(server, {
    onDatagram(data, from) {
      heard.push(data.toString('latin1'));
      const answer = answerTo(heard.at(-1)!, heard.length);
      if (answer !== undefined) socket.send(Buffer.from(answer, 'latin1'), from);
    },
  });
  const client = new NgClient(
    { clock, random, network: net.host('10.0.0.1'), metrics: noMetrics },
    { server },
  );
  await clock.runUntil(client.start());
  return { clock, client, heard };
}

const cookieOf = (text: string) => text.slice(0, text.indexOf(' '));

test('ng: a request that was lost goes again with the same cookie', async (t) => {
  const { clock, client, heard } = await scene((text, count) =>
    count < 3 ? undefined : `${cookieOf(text)} d3:sdp3:abc6:result2:oke`,
  );
  const answer = await clock.runUntil(client.request({ command: 'offer', 'call-id': 'c' }));
  t.is(answer.sdp, 'abc');
  t.is(heard.length, 3);
  t.is(new Set(heard).size, 1);
  t.regex(heard[0]!, /^[0-9a-f]{16} d7:call-id1:c7:command5:offere$/);
});

test('ng: a relay that is silent is given up within 2 s; what it refuses is told', async (t) => {
  const silent = await scene(() => undefined);
  const began = silent.clock.monotonic();
  await t.throwsAsync(silent.clock.runUntil(silent.client.request({ command: 'ping' })), {
    code: 'relay-silent',
  });
  t.true(silent.clock.monotonic() - began <= 2000);
  t.is(silent.heard.length, 3);

  const refusing = await scene((text) => `${cookieOf(text)} d12:error-reason7:no room6:result5:errore`);
  await t.throwsAsync(refusing.clock.runUntil(refusing.client.request({ command: 'offer' })), {
    code: 'relay-refused',
    message: /no room/,
  });
});

test('ng: answers with another cookie, and what is no answer, are not believed', async (t) => {
  const { clock, client } = await scene((text, count) => {
    if (count === 1) return '0123456789abcdef d6:result2:oke';
    return count === 2 ? `${cookieOf(text)} nonsense` : `${cookieOf(text)} d6:result4:ponge`;
  });
  t.is((await clock.runUntil(client.request({ command: 'ping' }))).result, 'pong');
});
