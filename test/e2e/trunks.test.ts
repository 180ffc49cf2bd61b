import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { Stranger } from '../support/foreign-domains.ts';
import { aliceAndBob, startGateway } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { formatSip, methodOf, parseSip, statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { TortureCallee } from '../support/torture-callee.ts';
import { eventually } from '../support/wait.ts';

/** The other end of the trunk calls in from here. */
const PSTN = '127.0.78.1';

test('A6: numbers go to the trunk for our own users alone; the trunk reaches our users, and nobody else through us', async (t) => {
  const trunk = await TortureCallee.open(t, 0, []);
  const gateway = await startGateway(t, async (port) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: {
      domains: ['example.org'],
      listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
      trunks: [{ match: '^\\+', to: `sip:127.0.0.1:${trunk.port}`, from: [PSTN] }],
    },
  }));
  trunk.answerTo(gateway.sipPort('udp'));
  const phone = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  t.is(statusOf(await phone.register('bob')), 200);

  t.is((await phone.call('alice', '+4930123')).status, 200);
  t.regex(startOf(trunk.received[0]), /^INVITE sip:\+4930123@127\.0\.0\.1:\d+;user=phone SIP\/2\.0$/);
  t.is((await phone.call('alice', '112')).status, 404);

  const outside = trunk.received.length;
  const pstn = dgram.createSocket('udp4');
  t.teardown(() => pstn.close());
  pstn.bind(0, PSTN);
  await once(pstn, 'listening');
  const statuses = new Map<string, number>();
  pstn.on('message', (data) => {
    const answer = parseSip(data.toString('latin1'));
    statuses.set(answer.headers.get('call-id')?.[0] ?? '', statusOf(answer));
  });
  const ask = async (id: string, uri: string) => {
    const { port } = pstn.address() as AddressInfo;
    const request = formatSip(`MESSAGE ${uri} SIP/2.0`, [
      ['Via', `SIP/2.0/UDP ${PSTN}:${port};branch=z9hG4bK${id}`],
      ['Max-Forwards', '70'],
      ['From', '<sip:+4940999@example.org>;tag=1'],
      ['To', `<${uri}>`],
      ['Call-ID', id],
      ['CSeq', '1 MESSAGE'],
    ]);
    pstn.send(request, gateway.sipPort('udp'), '127.0.0.1');
    return eventually(`an answer to ${uri}`, 5_000, () => statuses.get(id));
  };
  t.is(await ask('in', 'sip:bob@example.org'), 200);
  t.is(await ask('through', 'sip:+4930123@example.org'), 404);
  t.is(await ask('tel', 'tel:+4930123'), 404);
  t.is(await ask('relay', 'sip:carol@192.0.2.1'), 403);
  t.is(trunk.received.length, outside);
});

test('A6: numbers leave by a trunk at another peer, for users it knows to be there; what comes in by it rings at any peer', async (t) => {
  const trunk = await TortureCallee.open(t, 0, []);
  const number = '+4940555@example.org';
  let nodeWithTrunk = '';
  const peers = await startOverlay(t, ['proxy', 'proxy'], {
    users: [...aliceAndBob, { aor: number, password: 'secret' }],
    more: (index) => ({
      sip: {
        trunks: [
          index === 0
            ? { match: '^\\+', to: `sip:127.0.0.1:${trunk.port}`, from: [PSTN], share: true }
            : { match: '^\\+', peers: nodeWithTrunk },
        ],
      },
    }),
    onStarted: (peer) => {
      nodeWithTrunk ||= peer.nodeId;
    },
  });
  const [first, second] = peers;
  if (first === undefined || second === undefined) return t.fail('no peers');
  trunk.answerTo(first.sipPort('udp'));
  const phone = await TestPhone.open(t, { port: second.sipPort('udp') });
  t.is(statusOf(await phone.register('alice')), 200);
  t.is(statusOf(await phone.register('+4940555')), 200);
  const caller = (entries: { node: string }[]) => entries.some(({ node }) => node === second.nodeId);
  await eventually('the record of alice', 10_000, async () =>
    caller((await first.admin<{ entries: { node: string }[] }>('/lookup/alice@example.org')).entries),
  );

  const call = await phone.call('alice', 'tel:+49-30-123');
  t.is(call.status, 200);
  t.regex(startOf(trunk.received[0]), /^INVITE sip:\+4930123@127\.0\.0\.1:\d+;user=phone SIP\/2\.0$/);
  t.regex(trunk.received[0]?.toString('latin1') ?? '', /P-Asserted-Identity: <sip:alice@example\.org>/i);
  if (call.dialog === undefined) return t.fail('no dialog');
  t.is(await phone.bye(call.dialog), 200);
  t.regex(startOf(trunk.received.at(-1)), /^BYE /);

  // Bob shows his password, but is registered nowhere: his peer's word alone is not enough.
  const outside = trunk.received.length;
  t.is((await phone.call('bob', '+4930123')).status, 403);
  t.is(trunk.received.length, outside);

  const pstn = await Stranger.open(t, PSTN);
  const from = 'sip:+4940999@carrier.test';
  t.is(await pstn.ask(first.sipPort('udp'), { from, uri: `sip:${number}` }), 200);
  t.is(methodOf(phone.received.at(-1)!), 'MESSAGE');
});

function startOf(data: Buffer | undefined): string {
  return data?.toString('latin1').split('\r\n')[0] ?? '';
}
